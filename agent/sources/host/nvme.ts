/** NVMe controllers and their namespaces from /sys/class/nvme, as the kernel's drivers/nvme/host/sysfs.c shows them. */
import { join } from "node:path";
import { nvmeInfo, nvmeNamespace, nvmeNamespaceInfo } from "../../../core/catalog/drives.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { Source } from "../source.ts";
import { partOf } from "./device.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import { missing } from "./missing.ts";

/** The block layer gives sizes in these whatever the drive's own blocks are. */
const bytesPerSector = 512;
/** `nvme0n1`, or with more paths to one drive `nvme0c1n1`. */
const namespacePattern = /^nvme\d+(?:c\d+)?n(\d+)$/;

export const nvmeSource: Source = {
  name: "nvme",
  metrics: [nvmeInfo, nvmeNamespaceInfo, nvmeNamespace],
  sampling: "steady",
  open({ env, host }) {
    const folder = join(env.paths.sysfs, "class/nvme");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      fromHardware: true,
      absent: missing("nvme", env.paths, folder),
      list(listing) {
        for (const name of listing.folder(folder, /^nvme\d+$/))
          listController(listing, join(folder, name), name, host);
      },
    });
  },
};

function listController(listing: Listing, folder: string, name: string, host: Device): void {
  const text = (file: string): string => listing.text(join(folder, file));
  const model = text("model");
  const part = partOf(host, "drive", name, model);
  const labels = {
    device: name,
    firmware_revision: text("firmware_rev"),
    model,
    serial: text("serial"),
    state: listing.text(join(folder, "state"), "watched"),
    cntlid: text("cntlid"),
  };
  listing.fact(nvmeInfo, labels, 1, part);
  for (const space of listing.folder(folder, namespacePattern))
    listNamespace(listing, join(folder, space), name, namespacePattern.exec(space)?.[1] ?? "");
}

function listNamespace(listing: Listing, folder: string, device: string, nsid: string): void {
  const labels = { device, nsid };
  const blockBytes = Number(listing.text(join(folder, "queue/logical_block_size")));
  listing.fact(nvmeNamespaceInfo, {
    ...labels,
    ana_state: listing.text(join(folder, "ana_state")) || "unknown",
  });
  const add = (file: string, key: string, multiplier: number) =>
    listing.value(join(folder, file), nvmeNamespace.metric(key), labels, { multiplier });
  add("size", "size_bytes", bytesPerSector);
  add("size", "capacity_bytes", bytesPerSector);
  add("queue/logical_block_size", "logical_block_size_bytes", 1);
  add("nuse", "used_bytes", blockBytes);
}
