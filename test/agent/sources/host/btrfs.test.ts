import { expect, test } from "vitest";
import { mirrorUuid, scratchUuid, storageServer } from "../../../hosts/storage-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const btrfs = sourceNamed("btrfs");
const mirror = `uuid="${mirrorUuid}"`;
const folder = `sys/fs/btrfs/${mirrorUuid}`;

test("gives commits in seconds and what a layout takes of its devices", async () => {
  const samples = await (await drive(btrfs, storageServer())).read();
  expect(samples.get(`node_btrfs_info{label="mirror",${mirror}}`)).toBe(1);
  expect(samples.get(`node_btrfs_commits_total{${mirror}}`)).toBe(42);
  expect(samples.get(`node_btrfs_max_commit_seconds{${mirror}}`)).toBe(3.4);
  expect(samples.get(`node_btrfs_commit_seconds_total{${mirror}}`)).toBe(61.5);
  const ratio = (type: string, mode: string): number | undefined =>
    samples.get(`node_btrfs_allocation_ratio{block_group_type="${type}",mode="${mode}",${mirror}}`);
  expect(ratio("data", "raid1")).toBe(2);
  expect(ratio("metadata", "raid1c3")).toBe(3);
  expect(ratio("system", "raid5")).toBe(1.5);
  // A kernel before 6.1 counts no commits.
  expect(samples.has(`node_btrfs_commits_total{uuid="${scratchUuid}"}`)).toBe(false);
});

test("counts a device's errors under its name where it is the only one, else under its number", async () => {
  const driven = await drive(btrfs, storageServer());
  const samples = await driven.read();
  const errors = (type: string, labels: string): string =>
    `node_btrfs_device_errors_total{${labels.replace("TYPE", `type="${type}"`)}}`;
  const only = `btrfs_dev_uuid="11112222-3333",device="nvme0n1",TYPE,uuid="${scratchUuid}"`;
  expect(samples.get(errors("corruption", only))).toBe(7);
  const first = `btrfs_dev_uuid="",device="devid 1",TYPE,${mirror}`;
  expect(samples.get(errors("read", first))).toBe(3);
  driven.change({
    [`${folder}/devinfo/1/error_stats`]: "write_errs 9\nread_errs x\nflush_errs 0\n",
  });
  const after = await driven.read();
  expect(after.get(errors("write", first))).toBe(9);
  expect(after.has(errors("read", first))).toBe(false);
});
