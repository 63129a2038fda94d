/** Usage of mounted filesystems: the mount table of process 1, and statfs(2) of each mount point under --path.rootfs. */
import { join } from "node:path";
import * as filesystem from "../../../core/catalog/filesystem.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { partOf } from "./device.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import { parseMounts, type Mount } from "./mounts.ts";
import { createUsageAsker, type UsageAsker } from "./statfs.ts";
import type { HostOptions } from "./options.ts";

const metrics = [
  filesystem.size,
  filesystem.free,
  filesystem.available,
  filesystem.files,
  filesystem.filesFree,
  filesystem.readOnly,
  filesystem.deviceError,
];

export function createFilesystemSource(options: HostOptions["filesystem"]): Source {
  return {
    name: "filesystem",
    metrics,
    sampling: "fast",
    open({ env, host, probes }) {
      const table = openMountTable(env.paths);
      if (!table) return absent(`neither 1/mounts nor mounts is under ${env.paths.procfs}`);
      const asker = createUsageAsker({ clock: env.clock, probe: probes.slowKernel });
      return createFilesystemReader(
        table,
        (text) => parseMounts(text, env.paths.rootfs, options),
        asker,
        host,
      );
    },
  };
}

/** Process 1 sees the host's mounts even where this process doesn't; it may be hidden (hidepid) or not ours to read. */
function openMountTable(paths: HostPaths): KeptFile | null {
  try {
    const table = openKeptFile(join(paths.procfs, "1/mounts"), { initialBytes: 16_384 });
    if (table) return table;
  } catch {
    // The table of this process's own namespace is the next best, and says so itself when it can't be read.
  }
  return openKeptFile(join(paths.procfs, "mounts"), { initialBytes: 16_384 });
}

function createFilesystemReader(
  table: KeptFile,
  parse: (text: string) => Mount[],
  asker: UsageAsker,
  host: Device,
): Reader {
  let mounts: readonly Mount[] = [];
  let slots: readonly (readonly number[])[] = [];
  let known = Buffer.alloc(0);

  /** Parses the table when its bytes are others than last time; true when the list of series differs. */
  function refresh(): boolean {
    table.read();
    const current = table.bytes.subarray(0, table.length);
    if (current.equals(known)) return false;
    known = Buffer.from(current);
    const before = identitiesOf(mounts);
    mounts = parse(known.toString("latin1"));
    return identitiesOf(mounts) !== before;
  }

  return {
    register(registrar) {
      refresh();
      slots = mounts.map((mount) => declare(registrar, mount, host));
    },
    async read(column, signal) {
      if (refresh()) return "changed";
      await asker.ask(mounts, signal);
      mounts.forEach((mount, index) => write(column, slots[index] ?? [], mount, asker));
      return undefined;
    },
    close: () => table.close(),
  };
}

function identitiesOf(mounts: readonly Mount[]): string {
  return mounts
    .map(({ device, mountPoint, type }) => `${device}\n${mountPoint}\n${type}`)
    .join("\n");
}

function declare(registrar: SlotRegistrar, mount: Mount, host: Device): number[] {
  const { device, mountPoint: mountpoint, type: fstype } = mount;
  const part = partOf(host, "filesystem", mountpoint);
  return metrics.map((metric) => registrar.slot(metric, { device, mountpoint, fstype }, part));
}

function write(
  column: Float64Array,
  slots: readonly number[],
  mount: Mount,
  asker: UsageAsker,
): void {
  const [size = -1, free = -1, available = -1, files = -1, filesFree = -1] = slots;
  const [, , , , , readOnly = -1, deviceError = -1] = slots;
  const usage = asker.usageOf(mount);
  if (usage === "waiting") return;
  column[deviceError] = usage === "error" ? 1 : 0;
  if (usage === "error") return;
  column[size] = usage.blocks * usage.bsize;
  column[free] = usage.bfree * usage.bsize;
  column[available] = usage.bavail * usage.bsize;
  column[files] = usage.files;
  column[filesFree] = usage.ffree;
  column[readOnly] = mount.readOnly ? 1 : 0;
}
