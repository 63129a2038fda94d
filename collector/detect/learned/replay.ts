/** The past of one origin, played to detectors in the order of its samples' times, as if it came in now. */
import { openMetric } from "../../../core/catalog/metric.ts";
import { setPresent, type Origin, type Schema, type Series } from "../../../core/wire/frame.ts";
import type { StoreSeries } from "../../history/backfill/store.ts";
import type { OriginState } from "../../origin.ts";
import { keyOfLabels } from "../threshold/rows.ts";

export interface Replay {
  /** Plays the samples that are newer than those before, a moment at a time. Returns how many there were. */
  play(
    series: readonly StoreSeries[],
    step: (state: OriginState) => void,
    rest: () => Promise<void>,
  ): Promise<number>;
}

interface Columns {
  readonly schema: Schema;
  readonly values: Float64Array;
  readonly times: Float64Array;
  readonly present: Uint8Array;
}

/** PromQL's look-back: a series that is silent for longer has ended. */
const lookBackMilliseconds = 300_000;
/** Of one origin: detectors watch fewer. */
const maximumSeries = 5000;

export function createReplay(key: string, job: string, instance: string): Replay {
  const slots = new Map<string, number>();
  let columns = widen(null, { node: instance, job, instance, boot: "backfill" }, []);
  let sequence = 0;
  let newest = 0;

  /** The slot of each series; a new one makes a new schema. */
  function admit(found: readonly StoreSeries[]): number[] {
    const added: Series[] = [];
    const places = found.map(({ labels }) => {
      const name = keyOfLabels(labels);
      const known = slots.get(name);
      if (known !== undefined) return known;
      if (slots.size >= maximumSeries) return -1;
      slots.set(name, slots.size);
      added.push(seriesOf(labels));
      return slots.size - 1;
    });
    if (added.length > 0) {
      const node = found.find(({ labels }) => (labels["node"] ?? "") !== "")?.labels["node"];
      columns = widen(columns, { ...columns.schema.origin, ...(node && { node }) }, added);
    }
    return places;
  }

  function step(time: number, samples: readonly number[]): OriginState {
    const { schema, values, times, present } = columns;
    for (let at = 0; at < samples.length; at += 2) {
      const slot = samples[at] ?? 0;
      values[slot] = samples[at + 1] ?? Number.NaN;
      times[slot] = time;
    }
    present.fill(0);
    for (let slot = 0; slot < times.length; slot += 1)
      if (time - (times[slot] ?? 0) < lookBackMilliseconds) setPresent(present, slot);
    sequence += 1;
    return {
      key,
      origin: schema.origin,
      schema,
      sequence,
      values,
      present,
      times,
      revision: sequence,
      changed: new Uint8Array(present.length).fill(255),
      complete: true,
      timeMilliseconds: time,
      arrivedMonotonic: 0,
      periodMilliseconds: 0,
    };
  }

  return {
    async play(found, judge, rest) {
      const moments = momentsOf(found, admit(found), newest);
      let played = 0;
      for (const time of [...moments.keys()].toSorted((one, other) => one - other)) {
        const samples = moments.get(time) ?? [];
        judge(step(time, samples));
        played += samples.length / 2;
        newest = time;
        await rest();
      }
      return played;
    },
  };
}

/** Per moment the slots and values of its samples, one after the other. */
function momentsOf(
  found: readonly StoreSeries[],
  places: readonly number[],
  after: number,
): Map<number, number[]> {
  const moments = new Map<number, number[]>();
  found.forEach(({ samples }, index) => {
    const slot = places[index] ?? -1;
    if (slot < 0) return;
    for (const [seconds, text] of samples) {
      const time = Math.round(seconds * 1000);
      if (time <= after) continue;
      const known = moments.get(time);
      if (known) known.push(slot, parseValue(text));
      else moments.set(time, [slot, parseValue(text)]);
    }
  });
  return moments;
}

function parseValue(text: string): number {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}

/** `job` and `instance` are the origin's. */
function seriesOf({
  __name__: name = "",
  job: _job,
  instance: _instance,
  ...labels
}: Readonly<Record<string, string>>): Series {
  const names = Object.keys(labels);
  return {
    metric: openMetric(name, "gauge", "", names),
    values: names.map((label) => labels[label] ?? ""),
    device: null,
  };
}

function widen(before: Columns | null, origin: Origin, added: readonly Series[]): Columns {
  const series = [...(before?.schema.series ?? []), ...added];
  const wider = (column: Float64Array | undefined): Float64Array => {
    const made = new Float64Array(series.length);
    if (column) made.set(column);
    return made;
  };
  return {
    schema: {
      origin,
      version: (before?.schema.version ?? 0) + 1,
      groups: [{ source: "backfill", first: 0, length: series.length }],
      series,
    },
    values: wider(before?.values),
    times: wider(before?.times),
    present: new Uint8Array(Math.ceil(series.length / 8)),
  };
}
