import { expect, test } from "vitest";
import { poolUuid, storageServer } from "../../../hosts/storage-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("reads the tables that bcachefs prints, of two periods the one that never starts anew", async () => {
  const driven = await drive(sourceNamed("bcachefs"), storageServer());
  const pool = `uuid="${poolUuid}"`;
  const expected = {
    [`node_bcachefs_info{${pool}}`]: 1,
    [`node_bcachefs_btree_cache_size_bytes{${pool}}`]: 2.5 * 1024 ** 2,
    [`node_bcachefs_btree_node_read_total{${pool}}`]: 70_225_874,
    [`node_bcachefs_compression_compressed_bytes{algorithm="lz4",${pool}}`]: 4608,
    [`node_bcachefs_compression_uncompressed_bytes{algorithm="lz4",${pool}}`]: 9216,
    [`node_bcachefs_btree_writes_total{type="initial",${pool}}`]: 3298,
    [`node_bcachefs_btree_write_average_size_bytes{type="initial",${pool}}`]: 108 * 1024,
    [`node_bcachefs_errors_total{error_type="bset_bad_csum",${pool}}`]: 2,
    [`node_bcachefs_device_info{device="0",label="ssd.one",state="[rw] ro",${pool}}`]: 1,
    [`node_bcachefs_device_bucket_size_bytes{device="0",${pool}}`]: 524_288,
    [`node_bcachefs_device_buckets{device="0",${pool}}`]: 953_880,
    [`node_bcachefs_device_durability{device="0",${pool}}`]: 1,
    [`node_bcachefs_device_io_done_bytes_total{data_type="btree",device="0",operation="read",${pool}}`]: 5_242_880,
    [`node_bcachefs_device_io_done_bytes_total{data_type="btree",device="0",operation="write",${pool}}`]: 16_384,
    [`node_bcachefs_device_io_errors_total{device="0",type="read",${pool}}`]: 5,
    [`node_bcachefs_device_io_errors_total{device="0",type="write",${pool}}`]: 0,
  };
  expect(Object.fromEntries(await driven.read())).toEqual(expected);
  // Numbers move without the series being declared anew.
  driven.change({ [`sys/fs/bcachefs/${poolUuid}/errors`]: "bset_bad_csum 3 1767112063\n" });
  const after = await driven.read();
  expect(after.get(`node_bcachefs_errors_total{error_type="bset_bad_csum",${pool}}`)).toBe(3);
  expect(driven.changes).toBe(0);
});
