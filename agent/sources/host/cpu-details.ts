/** Throttling, isolation and presence of processors from /sys/devices/system/cpu, as the kernel's ABI document has it. */
import { join } from "node:path";
import * as details from "../../../core/catalog/cpu-details.ts";
import type { Source } from "../source.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";

/** Beside the source `cpu`, which node_exporter has them in: those are read from another place. */
export const cpuDetailsSource: Source = {
  name: "cpu_details",
  metrics: [
    details.coreThrottles,
    details.packageThrottles,
    details.cpuOnline,
    details.cpuIsolated,
  ],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "devices/system/cpu");
    return openListedReader({
      clock: env.clock,
      absent: `${folder} tells neither throttling nor presence: virtual machines often have none`,
      list(listing) {
        const processors = listing.folder(folder, /^cpu\d+$/);
        // A processor that comes back brings files along that weren't there.
        listing.text(join(folder, "online"));
        listThrottles(listing, folder, processors);
        listPresence(listing, folder, processors);
        for (const cpu of parseRanges(listing.text(join(folder, "isolated"))))
          listing.fact(details.cpuIsolated, { cpu: String(cpu) });
      },
    });
  },
};

/** Threads of a core share its count, cores of a package that of the package: each is read once. */
function listThrottles(listing: Listing, folder: string, processors: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of processors) {
    const own = join(folder, name);
    const packageName = listing.text(join(own, "topology/physical_package_id"));
    const core = listing.text(join(own, "topology/core_id"));
    if (!/^\d+$/.test(packageName) || !/^\d+$/.test(core)) continue;
    const labels = { package: packageName, core };
    const throttle = join(own, "thermal_throttle");
    if (!seen.has(`${packageName}/${core}`))
      listing.value(join(throttle, "core_throttle_count"), details.coreThrottles, labels);
    if (!seen.has(packageName))
      listing.value(join(throttle, "package_throttle_count"), details.packageThrottles, {
        package: packageName,
      });
    seen.add(packageName).add(`${packageName}/${core}`);
  }
}

/** The first processor can't be taken out on many machines; where it has no such file node_exporter gives none. */
function listPresence(listing: Listing, folder: string, processors: readonly string[]): void {
  const [first] = processors;
  if (first === undefined || listing.text(join(folder, first, "online")) === "") return;
  for (const name of processors)
    listing.value(
      join(folder, name, "online"),
      details.cpuOnline,
      { cpu: name.slice("cpu".length) },
      { settled: true },
    );
}

/** `0-3,8,10-11` as the numbers it stands for; what is no range is passed over. */
export function parseRanges(text: string): number[] {
  const maximumProcessors = 8192;
  return text.split(",").flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) return [];
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? first), maximumProcessors);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}
