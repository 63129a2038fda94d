/** Connection tracking from /proc/sys/net/netfilter and /proc/net/stat/nf_conntrack: hexadecimal counts, a line per processor. */
import { join } from "node:path";
import * as statistics from "../../../core/catalog/net-statistics.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createSampleReader } from "./sample-reader.ts";
import { createValueFiles } from "./value-file.ts";

/** The kernel names the columns itself; older ones call the count of ignored packets otherwise. */
const columns: readonly (readonly [number, Metric<never>])[] = [
  [2, statistics.trackingFound],
  [4, statistics.trackingInvalid],
  [5, statistics.trackingIgnored],
  [8, statistics.trackingInserted],
  [9, statistics.trackingInsertFailed],
  [10, statistics.trackingDropped],
  [11, statistics.trackingEarlyDropped],
  [16, statistics.trackingSearchRestarts],
];

export const conntrackSource: Source = {
  name: "conntrack",
  metrics: [
    statistics.trackedConnections,
    statistics.trackedConnectionsLimit,
    ...columns.map(([, metric]) => metric),
  ],
  sampling: "fast",
  open({ env }) {
    const { procfs } = env.paths;
    const open = createValueFiles();
    const entries = open(join(procfs, "sys/net/netfilter/nf_conntrack_count"));
    if (!entries.opens())
      return absent("the kernel tracks no connections: the module nf_conntrack isn't loaded");
    const limit = open(join(procfs, "sys/net/netfilter/nf_conntrack_max"));
    const perProcessor = openKeptFile(join(procfs, "net/stat/nf_conntrack"));
    return createSampleReader(
      (add) => {
        add(statistics.trackedConnections, {}, entries.readNumber());
        add(statistics.trackedConnectionsLimit, {}, limit.readNumber());
        if (!perProcessor) return;
        perProcessor.read();
        const sums = sumColumns(perProcessor.bytes.toString("latin1", 0, perProcessor.length));
        for (const [column, metric] of columns) add(metric, {}, sums[column] ?? Number.NaN);
      },
      () => {
        entries.close();
        limit.close();
        perProcessor?.close();
      },
    );
  },
};

/** A heading, then a line per processor. */
function sumColumns(text: string): number[] {
  const sums: number[] = [];
  for (const line of text.trimEnd().split("\n").slice(1))
    line.split(/\s+/).forEach((field, column) => {
      const value = /^[\da-f]+$/i.test(field) ? Number.parseInt(field, 16) : Number.NaN;
      sums[column] = (sums[column] ?? 0) + value;
    });
  return sums;
}
