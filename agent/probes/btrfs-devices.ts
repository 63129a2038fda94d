/**
 * A call of the `slow-kernel` probe: which devices a mounted Btrfs is on, by BTRFS_IOC_DEV_INFO of linux/btrfs.h. Its
 * mount point has to be opened for it, which waits as long as the filesystem does.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { loadDeviceCalls } from "./device-calls.ts";

export interface BtrfsQuestion {
  /** The mount point, in bytes: a name need not be UTF-8. */
  readonly path: Uint8Array;
  readonly ids: readonly number[];
}

export interface BtrfsDevice {
  readonly id: number;
  readonly uuid: string;
  /** `/dev/sda` */
  readonly path: string;
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** _IOWR(0x94, 30, struct btrfs_ioctl_dev_info_args) */
const deviceInfo = 0xd000_941e;
const structureBytes = 4096;
const at = { id: 0, uuid: 8, used: 24, total: 32, path: 3072 };
const uuidBytes = 16;

/** Those of the numbers that there is a device of. */
export async function askBtrfsDevices(argument: unknown): Promise<BtrfsDevice[]> {
  const { path, ids } = argument as BtrfsQuestion;
  const calls = await loadDeviceCalls(null);
  const folder = await open(Buffer.from(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const found: BtrfsDevice[] = [];
    for (const id of ids)
      await calls.withMemory(structureBytes, async ({ address, view }) => {
        view.setBigUint64(at.id, BigInt(id), true);
        try {
          await calls.ioctl(folder.fd, deviceInfo, address);
        } catch {
          return;
        }
        found.push(readDevice(id, view));
      });
    return found;
  } finally {
    await folder.close();
  }
}

export function readDevice(id: number, view: DataView): BtrfsDevice {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const uuid = bytes.toString("hex", at.uuid, at.uuid + uuidBytes);
  const end = bytes.indexOf(0, at.path);
  return {
    id,
    uuid: uuid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
    path: bytes.toString("utf8", at.path, end === -1 ? bytes.length : end),
    usedBytes: Number(view.getBigUint64(at.used, true)),
    totalBytes: Number(view.getBigUint64(at.total, true)),
  };
}
