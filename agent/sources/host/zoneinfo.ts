/** Memory zones from /proc/zoneinfo, as the kernel's mm/vmstat.c prints them: a heading per zone, then its keys line by line. */
import { join } from "node:path";
import { zoneMemory } from "../../../core/catalog/memory-layout.ts";
import type { FamilyForm, Metric } from "../../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import type { LinePlanner } from "./line-table.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

type ZoneMetric = Metric<"node" | "zone">;

const pages =
  "min low high scanned spanned present managed nr_active_anon nr_inactive_anon nr_isolated_anon nr_active_file nr_inactive_file nr_isolated_file nr_slab_reclaimable nr_slab_unreclaimable nr_mlock_stack nr_mapped nr_dirty nr_writeback nr_unevictable nr_shmem";
const counters =
  "nr_dirtied nr_written numa_hit numa_miss numa_foreign numa_interleave numa_local numa_other";
/** Keys of the file whose names say what is counted in another way than the rest. */
const otherKeys: Readonly<Record<string, string>> = {
  nr_anon_pages: "nr_anon_pages",
  nr_file_pages: "nr_file_pages",
  nr_free_pages: "nr_free_pages",
  nr_kernel_stack: "nr_kernel_stacks",
  nr_anon_transparent_hugepages: "nr_anon_transparent_hugepages",
};

/** Key of the file → what it is called. */
const metricOfKey: ReadonlyMap<string, ZoneMetric> = new Map([
  ...pages.split(" ").map((key) => entry(key, `${key}_pages`)),
  ...counters.split(" ").map((key) => entry(key, `${key}_total`, { kind: "counter" })),
  ...Object.entries(otherKeys).map(([key, name]) => entry(key, name)),
]);

export const zoneinfoSource: Source = {
  name: "zoneinfo",
  metrics: [zoneMemory],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "zoneinfo");
    const file = openKeptFile(path, { initialBytes: 32_768 });
    if (!file) return absent(missing("zoneinfo", env.paths, path));
    /** Slots whose values stand in the keys of their lines: the line differs when they do. */
    let protections: [number, number][] = [];
    return createTableReader(file, {
      plan(slots) {
        protections = [];
        return planZones(slots, protections);
      },
      finish(column) {
        for (const [slot, value] of protections) column[slot] = value;
      },
    });
  },
};

function planZones(slots: SlotRegistrar, protections: [number, number][]): LinePlanner {
  let labels: { node: string; zone: string } | null = null;
  return (line) => {
    const heading = /^Node (\d+), zone\s+(\w+)/.exec(line);
    if (heading) {
      labels = { node: heading[1] ?? "", zone: heading[2] ?? "" };
      return { keyBytes: line.length, slots: [] };
    }
    const [head, key = ""] = /^\s+(\w+:?)\s+/.exec(line) ?? [];
    if (labels === null || head === undefined) return null;
    if (key === "protection:") {
      for (const [index, [value]] of [...line.matchAll(/\d+/g)].entries())
        protections.push([
          slots.slot(zoneMemory.metric(`protection_${index}`), labels),
          Number(value),
        ]);
      return { keyBytes: line.length, slots: [] };
    }
    const metric = metricOfKey.get(key);
    return metric ? { keyBytes: head.length, slots: [slots.slot(metric, labels)] } : null;
  };
}

function entry(key: string, name: string, form?: FamilyForm): [string, ZoneMetric] {
  return [key, zoneMemory.metric(name, form)];
}
