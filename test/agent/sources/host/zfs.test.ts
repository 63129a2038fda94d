import { expect, test } from "vitest";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const folder = "proc/spl/kstat/zfs";
const dataset = (name: string, writes: number): string =>
  `9 1 0x01 7 2160 1 2\nname type data\ndataset_name 7 ${name}\nwrites 4 ${writes}\nodd 1 2\n`;

test("tells datasets apart by their whole name, and a pool's state", async () => {
  const driven = await drive(sourceNamed("zfs"), {
    [`${folder}/tank/objset-0x36`]: dataset("tank/my data", 7),
    [`${folder}/tank/objset-0x37`]: dataset("tank/other", 8),
    [`${folder}/tank/state`]: "ONLINE\n",
  });
  const samples = await driven.read();
  expect(samples.get('node_zfs_zpool_dataset_writes{dataset="tank/my data",zpool="tank"}')).toBe(7);
  expect(samples.get('node_zfs_zpool_dataset_writes{dataset="tank/other",zpool="tank"}')).toBe(8);
  expect(samples.get('node_zfs_zpool_state{state="online",zpool="tank"}')).toBe(1);
  driven.change({ [`${folder}/tank/state`]: "SUSPENDED\n" });
  const after = await driven.read();
  expect(after.get('node_zfs_zpool_state{state="online",zpool="tank"}')).toBe(0);
  expect(after.get('node_zfs_zpool_state{state="suspended",zpool="tank"}')).toBe(1);
});

test("gives a count that has fallen below zero, as memory that is to spare may", async () => {
  const driven = await drive(sourceNamed("zfs"), {
    "proc/spl/kstat/zfs/arcstats":
      "9 1 0x01 96 26112 1 2\nname type data\nhits 4 12\nmemory_available_bytes 3 -9223\nodd 3 - 5\n",
  });
  const samples = await driven.read();
  expect(samples.get("node_zfs_arc_memory_available_bytes")).toBe(-9223);
  expect(samples.get("node_zfs_arc_hits")).toBe(12);
  driven.change({
    "proc/spl/kstat/zfs/arcstats":
      "9 1 0x01 96 26112 1 2\nname type data\nhits 4 12\nmemory_available_bytes 3 77\nodd 3 - 5\n",
  });
  expect((await driven.read()).get("node_zfs_arc_memory_available_bytes")).toBe(77);
  expect(driven.changes).toBe(0);
});
