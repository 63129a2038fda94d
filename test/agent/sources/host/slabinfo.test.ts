import { expect, test } from "vitest";
import { createSlabinfoSource } from "../../../../agent/sources/host/slabinfo.ts";
import { drive } from "./drive.ts";

test("tells the slabs that are asked for, and none of a line that is cut off", async () => {
  const source = createSlabinfoSource({ keepsSlab: (name) => name !== "dentry" });
  const row = " 12 24 320 12 1 : tunables    0    0    0 : slabdata      2      2      0";
  const driven = await drive(source, {
    "proc/slabinfo": `slabinfo - version: 2.1\n# name  <active_objs> : tunables : slabdata <x>\n:A-0000256${row}\ndentry${row}\nbio-312               12     12\n`,
  });
  const labels = '{slab=":A-0000256"}';
  expect(Object.fromEntries(await driven.read())).toEqual({
    [`node_slabinfo_active_objects${labels}`]: 12,
    [`node_slabinfo_objects${labels}`]: 24,
    [`node_slabinfo_object_size_bytes${labels}`]: 320,
    [`node_slabinfo_objects_per_slab${labels}`]: 12,
    [`node_slabinfo_pages_per_slab${labels}`]: 1,
  });
});
