import { expect, test } from "vitest";
import { storageServer } from "../../../hosts/storage-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("tells what arrays lack, also while one is reshaped, and nothing of one that isn't known yet", async () => {
  const driven = await drive(sourceNamed("mdadm_details"), storageServer());
  expect(Object.fromEntries(await driven.read())).toEqual({
    'node_md_raid_disks{device="md0"}': 4,
    'node_md_degraded{device="md0"}': 1,
    'node_md_raid_disks{device="md1"}': 2,
    'node_md_degraded{device="md1"}': 0,
    'node_md_raid_disks{device="md2"}': 6,
    'node_md_degraded{device="md2"}': 0,
    'node_md_degraded{device="md127"}': 0,
  });
  driven.change({ "sys/block/md2/md/degraded": "2\n", "sys/block/md0/md/degraded": "?\n" });
  const after = await driven.read();
  expect(after.get('node_md_degraded{device="md2"}')).toBe(2);
  expect(after.has('node_md_degraded{device="md0"}')).toBe(false);
});
