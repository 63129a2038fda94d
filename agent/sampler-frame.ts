/** The agent's frame: one group per source and one of the sources' own metrics, in buffers that are used again. */
import * as self from "../core/catalog/self.ts";
import type { Device } from "../core/catalog/device.ts";
import type { Metric } from "../core/catalog/metric.ts";
import type { Clock } from "../core/kit/clock.ts";
import type { Frame, Group, Origin, Schema, Series } from "../core/wire/frame.ts";
import { wholeMilliseconds, type SourceRunner } from "./sampler-source.ts";

/** A number the agent gives about itself as a whole. */
export interface AgentReading {
  readonly metric: Metric;
  readonly values: readonly string[];
  read(): number;
}

export interface FrameBuilder {
  /** The frame, made on the first `compose`; always the same buffers until the schema changes. */
  readonly frame: Frame;
  /** Whether a runner has an outcome that the frame doesn't show yet. */
  isBehind(): boolean;
  /** Brings the frame to what the runners say now. */
  compose(): void;
  /** Counts the frame as one more that was sent. */
  advanceSequence(): void;
}

interface Builder {
  readonly origin: Origin;
  readonly host: Device;
  readonly clock: Clock;
  readonly runners: readonly SourceRunner[];
  readonly readings: readonly AgentReading[];
  frame: { -readonly [Key in keyof Frame]: Frame[Key] };
  /** Per runner: what of it the frame holds. */
  shown: Shown[];
  namedAt: number;
}

interface Shown {
  series: readonly Series[];
  outcome: number;
  state: SourceRunner["state"];
  reason: string;
}

/** Metrics per source, in the order in which `writeOwn` writes them. */
const perSource = [
  self.sourceUp,
  self.sourceDuration,
  self.sourceSeries,
  self.sourceRefusedSeries,
  self.sourceInFlight,
  self.sourceLastRead,
  self.sourceFailures,
] as const;

/** The reason is a label: one that changes with every failure may make a new schema only this often. */
const renameMilliseconds = 60_000;

/** The name of the group that holds the agent's and the sources' own metrics. */
const ownGroup = "agent";

export function createFrameBuilder(
  options: Pick<Builder, "origin" | "host" | "clock" | "runners" | "readings">,
): FrameBuilder {
  const builder: Builder = {
    ...options,
    frame: {
      schema: { origin: options.origin, version: 0, groups: [], series: [] },
      sequence: 0,
      timestamps: new Float64Array(0),
      values: new Float64Array(0),
      present: new Uint8Array(0),
      complete: true,
    },
    shown: [],
    namedAt: -Infinity,
  };
  return {
    frame: builder.frame,
    isBehind: () =>
      builder.runners.some((runner, index) => builder.shown[index]?.outcome !== runner.outcome),
    compose() {
      if (isOutdated(builder)) rebuild(builder);
      writeOwn(builder);
      builder.runners.forEach((runner, index) => copyRunner(builder, runner, index));
    },
    advanceSequence() {
      builder.frame.sequence += 1;
    },
  };
}

function isOutdated(builder: Builder): boolean {
  const { runners, shown, clock } = builder;
  if (shown.length !== runners.length) return true;
  let renamed = false;
  for (let index = 0; index < runners.length; index += 1) {
    const runner = runners[index];
    const held = shown[index];
    if (runner?.taken.series !== held?.series || runner?.state !== held?.state) return true;
    if (runner?.reason !== held?.reason) renamed = true;
  }
  return renamed && clock.monotonic() - builder.namedAt >= renameMilliseconds;
}

function rebuild(builder: Builder): void {
  const { runners, frame, origin } = builder;
  const series = ownSeries(builder);
  const groups: Group[] = [{ source: ownGroup, first: 0, length: series.length }];
  for (const runner of runners) {
    groups.push({
      source: runner.source.name,
      first: series.length,
      length: runner.taken.series.length,
    });
    for (const one of runner.taken.series) series.push(one);
  }
  const schema: Schema = { origin, version: frame.schema.version + 1, groups, series };
  frame.schema = schema;
  frame.timestamps = new Float64Array(groups.length);
  frame.values = new Float64Array(series.length);
  frame.present = new Uint8Array(Math.ceil(series.length / 8));
  builder.shown = runners.map((runner) => ({
    series: runner.taken.series,
    outcome: -1,
    state: runner.state,
    reason: runner.reason,
  }));
  builder.namedAt = builder.clock.monotonic();
}

function ownSeries(builder: Builder): Series[] {
  const { host, runners, readings } = builder;
  const series: Series[] = readings.map(({ metric, values }) => ({ metric, values, device: host }));
  for (const runner of runners) {
    const { name } = runner.source;
    for (const metric of perSource) series.push({ metric, values: [name], device: host });
    const values = [name, runner.state ?? "down", runner.reason];
    series.push({ metric: self.sourceInfo, values, device: host });
  }
  return series;
}

function writeOwn(builder: Builder): void {
  const { frame, runners, readings, clock } = builder;
  let slot = 0;
  frame.timestamps[0] = wholeMilliseconds(clock.now());
  for (const reading of readings) slot = write(frame, slot, reading.read());
  const steady = clock.monotonic();
  for (const runner of runners) {
    const { state, inFlightSince } = runner;
    const here = state !== "absent";
    const since = inFlightSince === null ? 0 : (steady - inFlightSince) / 1000;
    slot = write(frame, slot, here ? (state === "up" ? 1 : 0) : Number.NaN);
    slot = write(frame, slot, here ? runner.durationSeconds : Number.NaN);
    slot = write(frame, slot, here ? runner.taken.series.length : Number.NaN);
    slot = write(frame, slot, here ? runner.taken.refused : Number.NaN);
    slot = write(frame, slot, here ? since : Number.NaN);
    slot = write(frame, slot, here ? runner.lastRead / 1000 : Number.NaN);
    slot = write(frame, slot, runner.failures);
    slot = write(frame, slot, 1);
  }
}

/** Copies what the runner has since it was last copied: its samples when it is up, absence when it isn't. */
function copyRunner(builder: Builder, runner: SourceRunner, index: number): void {
  const { frame, shown } = builder;
  const held = shown[index];
  const group = frame.schema.groups[index + 1];
  if (held === undefined || group === undefined || held.outcome === runner.outcome) return;
  held.outcome = runner.outcome;
  frame.timestamps[index + 1] = runner.timestamp;
  const { column } = runner.taken;
  const up = runner.state === "up";
  for (let offset = 0; offset < group.length; offset += 1)
    write(frame, group.first + offset, up ? (column[offset] ?? Number.NaN) : Number.NaN);
}

/** NaN is absent. Returns the next slot. */
function write(frame: Frame, slot: number, value: number): number {
  const { values, present } = frame;
  const byte = slot >> 3;
  const bit = 1 << (slot & 7);
  values[slot] = value;
  present[byte] = value === value ? (present[byte] ?? 0) | bit : (present[byte] ?? 0) & ~bit;
  return slot + 1;
}
