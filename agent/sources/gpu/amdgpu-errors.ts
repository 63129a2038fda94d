/** Errors that the blocks of an AMD GPU count, from /sys/class/drm/card*\/device/ras; lines as the kernel's "AMDGPU RAS" documents them. */
import { join } from "node:path";
import * as amd from "../../../core/catalog/gpu-amd.ts";
import { errors, type ErrorKind } from "../../../core/catalog/gpu-neutral.ts";
import type { Latest, Listing } from "../host/listed-reader.ts";
import type { AmdGpu } from "./amdgpu-values.ts";

/** The kernel's word for each kind, the exporter's and ours; newer kernels add the third line. */
const kinds = [
  ["ue", "uncorrect", "uncorrected"],
  ["ce", "correct", "corrected"],
  ["de", "deferred", "deferred"],
] as const satisfies readonly (readonly [string, string, ErrorKind])[];

/** Where the exporter calls a block otherwise than the kernel. */
const exporterNames: Readonly<Record<string, string>> = { pcie_bif: "bif" };
/** The kernel knows about twenty. */
const maximumBlocks = 40;

/** Each file is read once for all that it tells: the driver asks the firmware for it. */
export function listErrors(listing: Listing, gpu: AmdGpu): void {
  const folder = join(gpu.card.device, "ras");
  const blocks: Latest[] = [];
  for (const file of listing.folder(folder, /_err_count$/).slice(0, maximumBlocks)) {
    const block = file.slice(0, -"_err_count".length);
    const [first, ...others] = kinds.map(([word, exporterKind]) => ({
      metric: amd.eccErrors.metric(`${exporterKind}_${exporterNames[block] ?? block}`),
      parse: countOf(word),
    }));
    if (!first) continue;
    const latest = listing.value(join(folder, file), first.metric, gpu.exporterLabels, {
      device: gpu.as,
      settled: true,
      parse: first.parse,
      also: others.map(({ metric, parse }) => ({
        declare: (slots) => slots.slot(metric, gpu.exporterLabels, gpu.as),
        parse,
      })),
    });
    if (latest) blocks.push(latest);
  }
  if (blocks.length === 0) return;
  kinds.forEach(([, exporterKind, kind], position) => {
    // Without one of the blocks the sum would fall, and rise again: no count does that.
    const sum = (): number =>
      blocks.reduce((total, latest) => total + (latest()[position] ?? Number.NaN), 0);
    listing.derived(errors, { ...gpu.labels, kind }, sum, gpu.as);
    const total = amd.eccErrors.metric(`${exporterKind}_total`);
    listing.derived(total, gpu.exporterLabels, sum, gpu.as);
  });
}

/** NaN for "Query currently inaccessible", which the file says while the GPU is being reset. */
function countOf(word: string): (text: string) => number {
  const pattern = new RegExp(`^${word}: (\\d+)$`, "m");
  return (text) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
}
