/** A target's page as a frame: its series with the target's labels, and `up` and what belongs to it beside them. */
import * as collector from "../../../core/catalog/collector.ts";
import type { Device } from "../../../core/catalog/device.ts";
import { openMetric, type Metric } from "../../../core/catalog/metric.ts";
import {
  isPresent,
  setPresent,
  type Frame,
  type Schema,
  type Series,
} from "../../../core/wire/frame.ts";
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
const ownPresent = (1 << ownSeries.length) - 1;

export function createTargetFrames(target: Target, boot: string): TargetFrames {
  const origin = { node: target.node, job: target.jobName, instance: target.instance, boot };
  let known: LabelledPage | null = null;
  let schema = makeSchema(1, []);
  let columns = makeColumns(schema);
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
        columns = makeColumns(schema);
      }
      const { values, present, timestamps } = columns;
      values[0] = page === null ? 0 : 1;
      values[1] = durationSeconds;
      values[2] = page?.samples ?? 0;
      timestamps[0] = timeMilliseconds;
      present.fill(0);
      present[0] = ownPresent;
      if (page !== null && labelled !== null) {
        if (labelled.slots === null) takeWhole(page, columns);
        else takeSome(page, labelled.slots, columns);
      }
      sequence += 1;
      // A page that was cut off says nothing of the series it doesn't hold.
      const complete = page === null || !page.truncated;
      return { schema, sequence, timestamps, values, present, complete };
    },
  };
}

/** Used again for each frame of a schema. */
type Columns = Pick<Frame, "values" | "present" | "timestamps">;

function makeColumns({ series }: Schema): Columns {
  return {
    values: new Float64Array(series.length),
    present: new Uint8Array((series.length + 7) >> 3),
    timestamps: new Float64Array(1),
  };
}

/** The page's columns behind the own series. */
function takeWhole(page: ParsedExposition, { values, present }: Columns): void {
  values.set(page.values, ownSeries.length);
  let carried = ownPresent;
  for (let byte = 0; byte < present.length; byte += 1) {
    const bits = (page.present[byte] ?? 0) << ownSeries.length;
    present[byte] = carried | (bits & 255);
    carried = bits >> 8;
  }
}

function takeSome(page: ParsedExposition, slots: Int32Array, { values, present }: Columns): void {
  for (let index = 0; index < slots.length; index += 1) {
    const from = slots[index]!;
    const to = index + ownSeries.length;
    values[to] = page.values[from]!;
    if (isPresent(page.present, from)) setPresent(present, to);
  }
}

function createSeries(labelled: readonly LabelledSeries[], target: Target): Series[] {
  const metrics = new Map<string, Metric>();
  const devices = new Map<string, Device>();
  return labelled.map((one) => {
    const { name, kind, help, labels, labelValues } = one;
    const key = `${name} ${kind} ${labels.join(",")}`;
    let metric = metrics.get(key);
    if (!metric) {
      metric = openMetric(name, kind, help, labels);
      metrics.set(key, metric);
    }
    const own = one.parsed ?? one;
    const label = (wanted: string): string => own.labelValues[own.labels.indexOf(wanted)] ?? "";
    return { metric, values: labelValues, device: gpuOf(label, target.node, devices) };
  });
}
