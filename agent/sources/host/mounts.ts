/** The mount table as lines of text: fstab(5) fields, with blanks and backslashes in octal. */
import { join } from "node:path";
import { decodeName } from "./line-table.ts";
import type { HostOptions } from "./options.ts";

export interface Mount {
  readonly device: string;
  /** As the host's processes see it, without --path.rootfs. */
  readonly mountPoint: string;
  /** The mount point byte for byte, which two that aren't UTF-8 may share only in `mountPoint`. */
  readonly key: string;
  readonly type: string;
  readonly readOnly: boolean;
  /** Where statfs finds it from here; bytes, for a name need not be UTF-8. */
  readonly path: Buffer;
  /** The kernel answers for it from memory: asking can't block. */
  readonly inMemory: boolean;
  /** On this machine's own disks: asking waits for a disk at most, not for a server or a program. */
  readonly local: boolean;
}

/**
 * Their statfs adds up counters that are in memory anyway, and takes no lock that waits for a disk. Not so xfs (which
 * for some releases waited for inodes to be freed), btrfs, vfat (which counts its free clusters at the first call) and
 * whatever asks a server or a program.
 */
const inMemoryTypes: ReadonlySet<string> = new Set(["ext2", "ext3", "ext4", "tmpfs", "ramfs"]);
const localTypes: ReadonlySet<string> = new Set([
  ...inMemoryTypes,
  "bcachefs",
  "btrfs",
  "exfat",
  "f2fs",
  "jfs",
  "ntfs3",
  "udf",
  "vfat",
  "xfs",
  "zfs",
]);
/** A path may lead through these too: looking a name up in them waits for nothing, or for a disk at most. */
const inMemoryFolders: ReadonlySet<string> = new Set([...inMemoryTypes, "rootfs"]);
const localFolders: ReadonlySet<string> = new Set([...localTypes, "rootfs", "overlay"]);

interface Line {
  readonly device: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The mounts that have space to report, each mount point once: the uppermost hides those below it. */
export function parseMounts(
  table: string,
  rootfs: string,
  { keepsMountPoint, keepsType }: HostOptions["filesystem"],
): Mount[] {
  const uppermost = new Map<string, Line>();
  for (const text of table.split("\n")) {
    const [device, point, type, options] = text.split(/[ \t]+/);
    if (device === undefined || point === undefined || type === undefined || options === undefined)
      continue;
    const seen = stripRoot(unescapeOctal(point), rootfs);
    // Deleted first so that the order stays that of mounting.
    uppermost.delete(seen);
    uppermost.set(seen, { device, point: seen, type, options: options.split(",") });
  }
  const mounts = [...uppermost.values()];
  const pointsBeyond = (types: ReadonlySet<string>): string[] =>
    mounts.filter(({ type }) => !types.has(type)).map(({ point }) => point);
  const pointsOffMemory = pointsBeyond(inMemoryFolders);
  const pointsAfar = pointsBeyond(localFolders);
  const leadsThrough = (points: readonly string[], point: string): boolean =>
    points.some((other) => isWithin(point, other));
  return mounts
    .filter(({ point, type }) => keepsMountPoint(decodeName(point)) && keepsType(decodeName(type)))
    .map(({ device, point, type, options }) => ({
      device: decodeName(device),
      mountPoint: decodeName(point),
      key: point,
      type: decodeName(type),
      readOnly: options.includes("ro") || options.includes("emergency_ro"),
      path: Buffer.from(join(Buffer.from(rootfs).toString("latin1"), point), "latin1"),
      inMemory: inMemoryTypes.has(type) && !leadsThrough(pointsOffMemory, point),
      local: localTypes.has(type) && !leadsThrough(pointsAfar, point),
    }));
}

function unescapeOctal(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8) & 0xff),
  );
}

/** A mount table seen from a container that has the host's root under --path.rootfs shows it under that path. */
function stripRoot(point: string, rootfs: string): string {
  const root = rootfs.replace(/\/+$/, "");
  if (root === "" || !isWithin(point, root)) return point;
  return point.slice(root.length) || "/";
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
