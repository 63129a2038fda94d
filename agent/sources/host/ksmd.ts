/** Merging of identical memory pages from /sys/kernel/mm/ksm, as the kernel's admin-guide/mm/ksm document has it. */
import { join } from "node:path";
import { samePageMerging } from "../../../core/catalog/memory-layout.ts";
import type { FamilyForm } from "../../../core/catalog/metric.ts";
import type { Source } from "../source.ts";
import type { ValueOptions } from "./listed-entry.ts";
import { openListedReader } from "./listed-reader.ts";

/** File → name, and what the number in it is. */
const files: readonly (readonly [string, string, FamilyForm?, ValueOptions?])[] = [
  ["full_scans", "full_scans_total", { kind: "counter" }],
  ["general_profit", "general_profit_bytes", { unit: "bytes" }],
  ["merge_across_nodes", "merge_across_nodes"],
  ["pages_shared", "pages_shared"],
  ["pages_sharing", "pages_sharing"],
  ["pages_to_scan", "pages_to_scan"],
  ["pages_unshared", "pages_unshared"],
  ["pages_volatile", "pages_volatile"],
  ["run", "run"],
  ["sleep_millisecs", "sleep_seconds", { unit: "seconds" }, { divisor: 1000 }],
];

export const ksmdSource: Source = {
  name: "ksmd",
  metrics: [samePageMerging],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "kernel/mm/ksm");
    return openListedReader({
      clock: env.clock,
      absent: `${folder} isn't there: the kernel lacks CONFIG_KSM`,
      list(listing) {
        for (const [file, key, form, options] of files)
          listing.value(join(folder, file), samePageMerging.metric(key, form), {}, options);
      },
    });
  },
};
