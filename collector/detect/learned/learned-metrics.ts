/** Every metric that a learned detector reads, by name. */
import { evidenceWatches } from "./failure-signals.ts";
import { limitWatches } from "./limits.ts";
import { watches } from "./watch.ts";

export const learnedMetrics: readonly string[] = [
  ...new Set(
    [
      ...watches.flatMap(({ of, per = [], driver }) => [
        ...of,
        ...per,
        ...(driver ? [driver] : []),
      ]),
      ...limitWatches.flatMap(({ of, unless, driver }) => [
        of,
        ...(unless ? [unless] : []),
        ...(driver ? [driver] : []),
      ]),
      ...evidenceWatches.map(({ of }) => of),
    ].map(({ metric }) => metric.name),
  ),
].toSorted();
