/** What the retention bench feeds, as a function of node, series and tick: so that a plain model can say it again without keeping it. */
import { gpu } from "../../core/catalog/index.ts";
import { openMetric, type Metric } from "../../core/catalog/metric.ts";
import { setPresent, type Frame, type Schema } from "../../core/wire/frame.ts";

export const tickMilliseconds = 15_000;
export const ticksPerDay = 86_400_000 / tickMilliseconds;
const lookBackMilliseconds = 300_000;
const minuteMilliseconds = 60_000;
const gpus = 8;
const level = openMetric("bench_level", "gauge", "What the bench stores beside its GPUs.", ["at"]);

/** A sample, or null where the series ended. */
interface Point {
  readonly time: number;
  readonly value: number | null;
}

/** A file that is kept: its samples' times, and whether it has minutes instead of samples. */
export interface Kept {
  readonly firstTime: number;
  readonly lastTime: number;
  readonly resolutionMilliseconds: number;
}

export function schemaOf(node: number, series: number): Schema {
  const watched: readonly [Metric, boolean][] = [
    [gpu.temperature, false],
    [gpu.powerUsage, false],
    [gpu.pcieReplays, true],
  ];
  const ofGpus = watched.flatMap(([metric]) =>
    Array.from({ length: gpus }, (_, index) => ({
      metric,
      values: metric.labels.map((name) => gpuLabel(name, node, index)),
      device: null,
    })),
  );
  const others = Array.from({ length: Math.max(0, series - ofGpus.length) }, (_, at) => ({
    metric: level,
    values: [String(at)],
    device: null,
  }));
  const all = [...ofGpus, ...others];
  const name = `node-${node}`;
  return {
    origin: { node: name, job: "bench", instance: `${name}:9410`, boot: "boot" },
    version: 1,
    groups: [{ source: "bench", first: 0, length: all.length }],
    series: all,
  };
}

function gpuLabel(label: string, node: number, index: number): string {
  if (label === "gpu") return String(index);
  return label === "UUID" ? `GPU-${node}-${index}` : "";
}

export function isCounter(schema: Schema, slot: number): boolean {
  return schema.series[slot]?.metric.kind === "counter";
}

/** Gauges move and jitter, counters are set back now and then, and every series is away for ten minutes now and then. */
export function valueAt(schema: Schema, node: number, slot: number, tick: number): number | null {
  const salt = node * 131 + slot * 17;
  if ((tick + salt * 97) % 4001 < 40) return null;
  if (isCounter(schema, slot)) return Math.floor((tick % (5003 + salt)) / 8);
  const jitter = Math.imul(tick ^ (salt << 8), 0x9e3779b1) >>> 30;
  return Math.round(50 + 20 * Math.sin(tick / 240 + salt)) + jitter;
}

export function frameAt(schema: Schema, node: number, tick: number, start: number): Frame {
  const { length } = schema.series;
  const values = new Float64Array(length);
  const present = new Uint8Array((length + 7) >> 3);
  for (let slot = 0; slot < length; slot += 1) {
    const value = valueAt(schema, node, slot, tick);
    if (value === null) continue;
    values[slot] = value;
    setPresent(present, slot);
  }
  return {
    schema,
    sequence: tick + 1,
    timestamps: Float64Array.of(start + tick * tickMilliseconds),
    values,
    present,
    complete: true,
  };
}

export interface ModelOptions {
  readonly schema: Schema;
  readonly node: number;
  readonly slot: number;
  readonly start: number;
  /** Ticks that were fed. */
  readonly ticks: number;
  readonly kept: readonly Kept[];
  /** What is newer is in the journal still. */
  readonly compactedUntil: number;
}

/** What a query answers: of each step the newest sample that is kept, no older than the look-back. */
export function modelQuery(
  options: ModelOptions,
  from: number,
  step: number,
  points: number,
): [number, number][] {
  const samples = keptPoints(options, from - lookBackMilliseconds, from + (points - 1) * step);
  const answer: [number, number][] = [];
  let next = 0;
  let newest: Point | null = null;
  for (let point = 0; point < points; point += 1) {
    const at = from + point * step;
    for (let one = samples[next]; one && one.time <= at; one = samples[next]) {
      newest = one;
      next += 1;
    }
    if (newest !== null && newest.value !== null && at - newest.time < lookBackMilliseconds)
      answer.push([at, newest.value]);
  }
  return answer;
}

/** Samples and ends as history has them: in a file of minutes the newest of each minute. */
function keptPoints(options: ModelOptions, after: number, until: number): Point[] {
  const found: Point[] = [];
  let minute = -1;
  // The newest sample of the last minute may be newer than what is asked for, and then stands for what is older.
  for (const one of fedPoints(options, after, until + minuteMilliseconds)) {
    const file = options.kept.find(
      ({ firstTime, lastTime }) => one.time >= firstTime && one.time <= lastTime,
    );
    if (!file && one.time < options.compactedUntil) continue;
    const own = Math.floor(one.time / minuteMilliseconds);
    const isThinned = (file?.resolutionMilliseconds ?? 0) > 0;
    if (isThinned && own === minute) found.pop();
    minute = isThinned ? own : -1;
    found.push(one);
  }
  return found;
}

/** A series that a whole frame lacks ends with it. */
function* fedPoints(options: ModelOptions, after: number, until: number): Generator<Point> {
  const { schema, node, slot, start, ticks } = options;
  const first = Math.max(0, Math.floor((after - start) / tickMilliseconds));
  const last = Math.min(ticks - 1, Math.floor((until - start) / tickMilliseconds));
  let before: number | null = first === 0 ? null : valueAt(schema, node, slot, first - 1);
  for (let tick = first; tick <= last; tick += 1) {
    const value = valueAt(schema, node, slot, tick);
    const time = start + tick * tickMilliseconds;
    if ((value !== null || before !== null) && time > after) yield { time, value };
    before = value;
  }
}

/** What a day's file of features has to say of the series. */
export function modelDay({ schema, node, slot }: ModelOptions, day: number) {
  let [samples, sum, increase] = [0, 0, 0];
  let [minimum, maximum] = [Infinity, -Infinity];
  let before: number | null = null;
  for (
    let tick = day * ticksPerDay - lookBackMilliseconds / tickMilliseconds + 1;
    tick < (day + 1) * ticksPerDay;
    tick += 1
  ) {
    const value = tick < 0 ? null : valueAt(schema, node, slot, tick);
    if (value === null) continue;
    if (tick >= day * ticksPerDay) {
      samples += 1;
      sum += value;
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
      if (before !== null) increase += value < before ? value : value - before;
    }
    before = value;
  }
  return {
    samples,
    minimum,
    maximum,
    mean: sum / samples,
    increase: isCounter(schema, slot) ? increase : null,
  };
}
