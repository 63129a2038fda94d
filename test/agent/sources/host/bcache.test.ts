import { expect, test } from "vitest";
import { cacheUuid, storageServer } from "../../../hosts/storage-server.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const bcache = sourceNamed("bcache");

test("takes bcache's shortened numbers apart, negative ones too", async () => {
  const samples = await (await drive(bcache, storageServer())).read();
  const backing = `{backing_device="bdev0",uuid="${cacheUuid}"}`;
  expect(samples.get(`node_bcache_writeback_rate${backing}`)).toBe(4096);
  expect(samples.get(`node_bcache_writeback_rate_proportional_term${backing}`)).toBe(
    -Math.trunc((27 + 5 / 10.24) * 1024),
  );
  expect(samples.get(`node_bcache_bypassed_bytes_total${backing}`)).toBe(
    Math.trunc((3 + 5 / 10.24) * 1024 ** 4),
  );
  expect(
    samples.get(`node_bcache_btree_read_average_duration_seconds{uuid="${cacheUuid}"}`),
  ).toBeCloseTo(0.001305, 9);
  expect(
    samples.get(`node_bcache_written_bytes_total{cache_device="cache0",uuid="${cacheUuid}"}`),
  ).toBe(1024);
});

test("leaves out what a kernel no longer counts and what isn't a number", async () => {
  const folder = `sys/fs/bcache/${cacheUuid}`;
  const samples = await (
    await drive(bcache, {
      [`${folder}/tree_depth`]: "1\n",
      [`${folder}/btree_cache_size`]: "much\n",
      [`${folder}/bdev0/dirty_data`]: "12Q\n",
      [`${folder}/bdev0/writeback_rate_debug`]: "",
    })
  ).read();
  expect(Object.fromEntries(samples)).toEqual({
    [`node_bcache_tree_depth{uuid="${cacheUuid}"}`]: 1,
  });
});

test("is absent where no cache is set up", async () => {
  expect(await openOutcome(bcache, { "sys/fs/bcache/register": "" })).toMatch(/no cache is under/);
});
