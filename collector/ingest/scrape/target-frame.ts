/** A target's page as a frame: its series with the target's labels, and `up` and what belongs to it beside them. */
import * as collector from "../../../core/catalog/collector.ts";
import type { Device } from "../../../core/catalog/device.ts";
import { openMetric, type Metric } from "../../../core/catalog/metric.ts";
import { setPresent, type Frame, type Schema, type Series } from "../../../core/wire/frame.ts";
import type { ParsedExposition } from "../../../core/wire/parsed.ts";
import { gpuOf } from "../device.ts";
import type { LabelledPage, LabelledSeries } from "./series-labels.ts";
import type { Target } from "./target.ts";

interface ScrapeOutcome {
  /** null when the scrape failed: its series are missing then, and have not ended. */
  readonly page: ParsedExposition | null;
  /** What the page's series are called here; null with the page. */
  readonly labelled: LabelledPage | null;
  readonly timeMilliseconds: number;
  readonly durationSeconds: number;
}

export interface TargetFrames {
  /** The frame is the maker's: it holds until the next is made. */
  make(outcome: ScrapeOutcome): Frame;
}

/** Before a page's series come `up`, the duration and the number of samples. */
const ownSeries: readonly Series[] = [
  collector.targetUp,
  collector.scrapeDuration,
  collector.scrapeSamples,
].map((metric) => ({ metric, values: [], device: null }));

export function createTargetFrames(target: Target, boot: string): TargetFrames {
  const origin = { node: target.node, job: target.jobName, instance: target.instance, boot };
  let known: LabelledPage | null = null;
  let schema = makeSchema(1, []);
  let sequence = 0;

  function makeSchema(version: number, series: readonly Series[]): Schema {
    const all = [...ownSeries, ...series];
    const groups = [{ source: "scrape", first: 0, length: all.length }];
    return { origin, version, groups, series: all };
  }

  return {
    make({ page, labelled, timeMilliseconds, durationSeconds }) {
      if (labelled !== null && labelled !== known) {
        known = labelled;
        schema = makeSchema(schema.version + 1, createSeries(labelled.series, target));
      }
      const own = ownSeries.length;
      const values = new Float64Array(schema.series.length);
      const present = new Uint8Array(Math.ceil(schema.series.length / 8));
      values.set([page === null ? 0 : 1, durationSeconds, page?.samples ?? 0]);
      for (let slot = 0; slot < own; slot++) setPresent(present, slot);
      if (page !== null && labelled !== null) {
        const { slots } = labelled;
        const count = schema.series.length - own;
        if (slots === null) values.set(page.values.subarray(0, count), own);
        for (let slot = 0; slot < count; slot++) {
          const from = slots === null ? slot : (slots[slot] ?? 0);
          if (slots !== null) values[slot + own] = page.values[from] ?? Number.NaN;
          if (((page.present[from >> 3] ?? 0) & (1 << (from & 7))) !== 0)
            setPresent(present, slot + own);
        }
      }
      sequence += 1;
      return {
        schema,
        sequence,
        timestamps: Float64Array.of(timeMilliseconds),
        values,
        present,
        // A page that was cut off says nothing of the series it doesn't hold.
        complete: page === null || !page.truncated,
      };
    },
  };
}

function createSeries(labelled: readonly LabelledSeries[], target: Target): Series[] {
  const metrics = new Map<string, Metric>();
  const devices = new Map<string, Device>();
  return labelled.map(({ parsed, name, labels, labelValues }) => {
    const key = `${name} ${parsed.kind} ${labels.join(",")}`;
    let metric = metrics.get(key);
    if (!metric) {
      metric = openMetric(name, parsed.kind, parsed.help, labels);
      metrics.set(key, metric);
    }
    const label = (wanted: string): string =>
      parsed.labelValues[parsed.labels.indexOf(wanted)] ?? "";
    return { metric, values: labelValues, device: gpuOf(label, target.node, devices) };
  });
}
