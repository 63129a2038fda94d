import { expect, test } from "vitest";
import { readDevice } from "../../../agent/probes/btrfs-devices.ts";

test("reads a device's number, path and sizes from the kernel's structure", () => {
  const bytes = Buffer.alloc(4096);
  Buffer.from("1fc97ff1f3f740e28b61e4de73fc1ef7", "hex").copy(bytes, 8);
  bytes.writeBigUInt64LE(109_051_904n, 24);
  bytes.writeBigUInt64LE(314_572_800n, 32);
  bytes.write("/dev/mapper/büro", 3072);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  expect(readDevice(2, view)).toEqual({
    id: 2,
    uuid: "1fc97ff1-f3f7-40e2-8b61-e4de73fc1ef7",
    path: "/dev/mapper/büro",
    usedBytes: 109_051_904,
    totalBytes: 314_572_800,
  });
  bytes.fill(0x61, 3072);
  expect(readDevice(2, view).path).toHaveLength(1024);
});
