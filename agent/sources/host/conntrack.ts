/** Connection tracking from /proc/sys/net/netfilter and /proc/net/stat/nf_conntrack: hexadecimal counts, a line per processor. */
import { join } from "node:path";
import * as statistics from "../../../core/catalog/net-statistics.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import { createSampleReader } from "./sample-reader.ts";
import { nextLine, type Cursor } from "./scan.ts";
import { scanHexadecimal } from "./scan-hexadecimal.ts";
import { createValueFiles } from "./value-file.ts";
import { missing } from "./missing.ts";

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

const columnCount = 17;

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
      return absent(missing("conntrack", env.paths, join(procfs, "sys/net/netfilter")));
    const limit = open(join(procfs, "sys/net/netfilter/nf_conntrack_max"));
    const perProcessor = openKeptFile(join(procfs, "net/stat/nf_conntrack"));
    const sums = new Float64Array(columnCount);
    return createSampleReader(
      (add) => {
        add(statistics.trackedConnections, {}, entries.readNumber());
        add(statistics.trackedConnectionsLimit, {}, limit.readNumber());
        if (!perProcessor) return;
        perProcessor.read();
        sumColumns(perProcessor, sums);
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

/** A heading, then a line per processor. A column that a line lacks or breaks has no sum. */
function sumColumns(file: KeptFile, sums: Float64Array): void {
  const { bytes, length } = file;
  sums.fill(0);
  const cursor: Cursor = { bytes, position: nextLine(bytes, 0, length), end: length };
  while (cursor.position < length) {
    for (let column = 0; column < columnCount; column += 1)
      sums[column] = (sums[column] ?? 0) + scanHexadecimal(cursor);
    cursor.position = nextLine(bytes, cursor.position, length);
  }
}
