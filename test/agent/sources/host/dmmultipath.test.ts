import { expect, test } from "vitest";
import { storageServer } from "../../../hosts/storage-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("counts paths that work and that don't, at once when one fails", async () => {
  const driven = await drive(sourceNamed("dmmultipath"), storageServer());
  const device = '{device="mpatha",sysfs_name="dm-1"}';
  expect(Object.fromEntries(await driven.read())).toEqual({
    'node_dmmultipath_device_info{device="mpatha",sysfs_name="dm-1",uuid="mpath-3600508b4"}': 1,
    [`node_dmmultipath_device_active${device}`]: 1,
    [`node_dmmultipath_device_size_bytes${device}`]: 1_048_576,
    'node_dmmultipath_path_state{device="mpatha",path="sdx",state="running"}': 1,
    'node_dmmultipath_path_state{device="mpatha",path="sdy",state="offline"}': 1,
    [`node_dmmultipath_device_paths${device}`]: 2,
    [`node_dmmultipath_device_paths_active${device}`]: 1,
    [`node_dmmultipath_device_paths_failed${device}`]: 1,
  });
  driven.change({
    "sys/block/sdx/device/state": "transport-offline\n",
    "sys/block/dm-1/dm/suspended": "1\n",
  });
  const after = await driven.read();
  expect(after.get(`node_dmmultipath_device_paths_failed${device}`)).toBe(2);
  expect(after.get(`node_dmmultipath_device_active${device}`)).toBe(0);
});
