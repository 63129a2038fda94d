/** What the scraper counts of itself. */
import { collector } from "../../../core/catalog/index.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { TargetView } from "./target-loop.ts";

export interface ScrapeCounters {
  scraped(outcome: string): void;
  malformed(lines: number): void;
  discoveryFailed(): void;
  targets(states: readonly TargetView["state"][]): void;
}

export function createScrapeCounters(metrics: SelfMetrics): ScrapeCounters {
  const scrapes = metrics.counter(collector.scrapes);
  const malformedLines = metrics.counter(collector.scrapeMalformedLines);
  const discoveryErrors = metrics.counter(collector.discoveryErrors);
  const targets = metrics.gauge(collector.scrapeTargets);
  // A counter that is born at 1 shows no increase.
  malformedLines.increase({}, 0);
  return {
    scraped: (outcome: string) => scrapes.increase({ outcome }),
    malformed: (lines: number) => malformedLines.increase({}, lines),
    discoveryFailed: () => discoveryErrors.increase({}),
    targets(states) {
      for (const state of ["new", "up", "down"] as const)
        targets.set({ state }, states.filter((one) => one === state).length);
    },
  };
}
