/** The calls of the `slow-kernel` probe: what asks filesystems, drivers and devices that may not answer. */
import { statfs } from "node:fs/promises";
import { askBtrfsDevices } from "./btrfs-devices.ts";
import { askEthtool } from "./ethtool.ts";
import { exchangeIpmi } from "./ipmi.ts";
import { readNvmeSmart } from "./nvme-smart.ts";
import { askRoutes } from "./routes.ts";
import type { ProbeCall } from "./serve.ts";

/** Usage of the filesystem at a path, which comes as bytes: a name need not be UTF-8. Null where the kernel refuses. */
async function callStatfs(path: unknown): Promise<Float64Array | null> {
  try {
    const usage = await statfs(Buffer.from(path as Uint8Array));
    const { bsize, blocks, bfree, bavail, files, ffree } = usage;
    return Float64Array.of(bsize, blocks, bfree, bavail, files, ffree);
  } catch {
    return null;
  }
}

export const slowKernelCalls: Readonly<Record<string, ProbeCall>> = {
  statfs: callStatfs,
  "nvme-smart": readNvmeSmart,
  ipmi: exchangeIpmi,
  ethtool: askEthtool,
  routes: askRoutes,
  "btrfs-devices": askBtrfsDevices,
};
