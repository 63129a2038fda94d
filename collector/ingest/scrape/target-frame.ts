/** A target's page as a frame: its series with the target's labels, and `up` and what belongs to it beside them. */
import * as collector from "../../../core/catalog/collector.ts";
import type { Device } from "../../../core/catalog/device.ts";
import { openMetric, type Metric } from "../../../core/catalog/metric.ts";
import { setPresent, type Frame, type Schema, type Series } from "../../../core/wire/frame.ts";
import type { ParsedExposition, ParsedSeries } from "../../../core/wire/parsed.ts";
import { gpuOf } from "../device.ts";
import type { Target } from "./target.ts";

interface ScrapeOutcome {
  /** null when the scrape failed: its series are missing then, and have not ended. */
  readonly page: ParsedExposition | null;
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
  const origin = { node: target.node, job: target.job.name, instance: target.instance, boot };
  let layoutVersion = -1;
  let schema = makeSchema(1, []);
  let sequence = 0;

  function makeSchema(version: number, series: readonly Series[]): Schema {
    const all = [...ownSeries, ...series];
    const groups = [{ source: "scrape", first: 0, length: all.length }];
    return { origin, version, groups, series: all };
  }

  return {
    make({ page, timeMilliseconds, durationSeconds }) {
      if (page !== null && page.layoutVersion !== layoutVersion) {
        layoutVersion = page.layoutVersion;
        schema = makeSchema(schema.version + 1, createSeries(page.series, target));
      }
      const own = ownSeries.length;
      const values = new Float64Array(schema.series.length);
      const present = new Uint8Array(Math.ceil(schema.series.length / 8));
      values.set([page === null ? 0 : 1, durationSeconds, page?.samples ?? 0]);
      for (let slot = 0; slot < own; slot++) setPresent(present, slot);
      if (page !== null) {
        values.set(page.values.subarray(0, schema.series.length - own), own);
        for (let slot = 0; slot < page.series.length; slot++)
          if (((page.present[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0)
            setPresent(present, slot + own);
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

function createSeries(parsed: readonly ParsedSeries[], target: Target): Series[] {
  const metrics = new Map<string, Metric>();
  const devices = new Map<string, Device>();
  const taken = new Set(["job", "instance", ...target.labels.map(([name]) => name)]);
  const extraNames = target.labels.map(([name]) => name);
  const extraValues = target.labels.map(([, value]) => value);
  return parsed.map((series) => {
    // The target's own labels win, and the page's are kept under another name: `honor_labels: false`.
    const names = series.labels.map((name) => (taken.has(name) ? `exported_${name}` : name));
    const labels = [...names, ...extraNames];
    const key = `${series.name} ${series.kind} ${labels.join(",")}`;
    let metric = metrics.get(key);
    if (!metric) {
      metric = openMetric(series.name, series.kind, series.help, labels);
      metrics.set(key, metric);
    }
    const values = [...series.labelValues, ...extraValues];
    const label = (name: string): string => series.labelValues[series.labels.indexOf(name)] ?? "";
    return { metric, values, device: gpuOf(label, target.node, devices) };
  });
}
