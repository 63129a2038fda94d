/** What the collector counts of itself, as frames of its own: so that it judges its own rules as it judges others'. */
import { judgedRules } from "../alerts/all.ts";
import { metricsOf } from "../alerts/expression.ts";
import type { Clock } from "../core/kit/clock.ts";
import { describeError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";
import type { SelfMetrics } from "../core/kit/self-metrics.ts";
import { openMetric } from "../core/catalog/metric.ts";
import { createExpositionParser } from "../core/wire/parse.ts";
import { setPresent, type FrameSink, type Origin, type Schema } from "../core/wire/frame.ts";
import type { ParsedExposition } from "../core/wire/parsed.ts";
import { ownJobs } from "./origin.ts";

export interface OwnFramesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly sink: FrameSink;
  /** The machine's name, by which its alerts call the collector. */
  readonly node: string;
  readonly boot: string;
}

/** Half of the shortest window that a rule on them has, and less. */
export const ownFramesPeriodMilliseconds = 15_000;
const bounds = { bodyBytes: 4 * 2 ** 20, series: 5000 };

/** Only what a rule reads: the page itself is there for scraping. */
const judgedNames: ReadonlySet<string> = new Set(
  judgedRules
    .filter(({ component }) => component === "collector" || component === "delivery")
    .flatMap(({ condition }) => metricsOf(condition).map(({ name }) => name)),
);

export interface OwnFrames {
  /** Sends one frame with the present counts. */
  send(): Promise<void>;
}

export function createOwnFrames(options: OwnFramesOptions): OwnFrames {
  const { clock, log, metrics, sink } = options;
  // It is about no node of the fleet.
  const origin: Origin = {
    node: "",
    job: ownJobs.collector,
    instance: options.node,
    boot: options.boot,
  };
  const parser = createExpositionParser(bounds);
  let schema: Schema = { origin, version: 0, groups: [], series: [] };
  let kept: readonly number[] = [];
  let layoutVersion = -1;
  let sequence = 0;

  function follow(page: ParsedExposition): void {
    if (page.layoutVersion === layoutVersion) return;
    layoutVersion = page.layoutVersion;
    kept = page.series.flatMap(({ name }, slot) => (judgedNames.has(name) ? [slot] : []));
    const series = kept.flatMap((slot) => {
      const one = page.series[slot];
      if (!one) return [];
      const metric = openMetric(one.name, one.kind, one.help, one.labels);
      return [{ metric, values: one.labelValues, device: null }];
    });
    const groups = [{ source: "collector", first: 0, length: series.length }];
    schema = { origin, version: schema.version + 1, groups, series };
  }

  return {
    async send() {
      try {
        const page = parser.parse(Buffer.from(await metrics.render("text")), "text");
        follow(page);
        const present = new Uint8Array(Math.ceil(kept.length / 8));
        kept.forEach((_, slot) => setPresent(present, slot));
        const values = Float64Array.from(kept, (slot) => page.values[slot] ?? Number.NaN);
        sequence += 1;
        const timestamps = Float64Array.of(clock.now());
        sink.accept({ schema, sequence, timestamps, values, present, complete: true });
      } catch (thrown) {
        log.error(`the collector can't judge itself: ${describeError(thrown)}`);
      }
    },
  };
}
