/** A sampler on a fake clock with sources that do what a test tells them, and a look into the frames it sends. */
import { createAgentEvents } from "../../agent/events.ts";
import { defaultAgentConfig } from "../../agent/config.ts";
import { createSampler, type Sampler, type SamplerConfig } from "../../agent/sampler.ts";
import type { SourceState } from "../../agent/sampler-source.ts";
import {
  absent,
  type Absent,
  type Reader,
  type ReadResult,
  type Source,
} from "../../agent/sources/source.ts";
import { self } from "../../core/catalog/index.ts";
import { nowhere, type Device } from "../../core/catalog/device.ts";
import { openMetric, type Metric, type SamplingClass } from "../../core/catalog/metric.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { isPresent, labelsOf, type Frame, type FrameSink } from "../../core/wire/frame.ts";
import type { EventSink, WarpwatchEvent } from "../../core/wire/event.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { createHolders } from "../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../agent/gpu-directory.ts";
import { noProbes } from "./probes.ts";

/** A source whose behaviour a test sets while it runs. */
export interface Puppet {
  readonly source: Source;
  /** What the next reads do; by default they write `value` into each slot. */
  read: (column: Float64Array, signal: AbortSignal) => ReadResult | Promise<ReadResult>;
  open: (signal: AbortSignal) => Reader | Absent | Promise<Reader | Absent>;
  value: number;
  devices: readonly string[];
  reads: number;
  opens: number;
  closes: number;
  registrations: number;
  /** Where it reports events, once it was opened. */
  events: EventSink | null;
}

/** Each puppet has one metric of its own, `<name>_value{device}`. */
export function makePuppet(name: string, sampling: SamplingClass = "fast"): Puppet {
  const metric: Metric<"device"> = {
    ...openMetric(`${name}_value`, "gauge", "A test's own.", []),
    labels: ["device"],
    sampling,
  };
  const reader: Reader = {
    register(slots) {
      puppet.registrations += 1;
      for (const device of puppet.devices) slots.slot(metric, { device });
    },
    read(column, signal) {
      puppet.reads += 1;
      return puppet.read(column, signal);
    },
    close: () => void (puppet.closes += 1),
  };
  const puppet: Puppet = {
    source: {
      name,
      metrics: [metric],
      sampling,
      open({ events }, signal) {
        puppet.opens += 1;
        puppet.events = events;
        return puppet.open(signal);
      },
    },
    read: (column) => void column.fill(puppet.value),
    open: () => reader,
    value: 1,
    devices: ["a"],
    reads: 0,
    opens: 0,
    closes: 0,
    registrations: 0,
    events: null,
  };
  return puppet;
}

export const noSuchPlace = (): Absent => absent("this machine has none");

export interface SamplerBench {
  readonly clock: FakeClock;
  readonly sampler: Sampler;
  /** Copies of the frames that were sent. */
  readonly frames: readonly Frame[];
  readonly events: readonly WarpwatchEvent[];
  readonly logLines: readonly string[];
  /** The value in the latest frame, or null where it is absent. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | null;
  up(source: string): number | null;
  stateOf(source: string): SourceState | undefined;
}

export interface BenchOptions {
  readonly config?: Partial<SamplerConfig>;
  readonly sinks?: readonly FrameSink[];
  /** Nobody takes frames, not even the bench: its `frames` stay empty. */
  readonly pulledOnly?: boolean;
  readonly startMilliseconds?: number;
}

const host: Device = {
  kind: "node",
  id: "n1",
  node: "n1",
  name: "n1",
  model: "",
  place: nowhere,
};

export function makeBench(puppets: readonly Puppet[], options: BenchOptions = {}): SamplerBench {
  const clock = createFakeClock(options.startMilliseconds);
  const env = createEnv({ clock, node: "n1", randomId: () => "boot-1" });
  const frames: Frame[] = [];
  const events: WarpwatchEvent[] = [];
  const logLines: string[] = [];
  const log = createLog({ clock, write: (line) => void logLines.push(line) });
  const receivers = [{ accept: (event: WarpwatchEvent) => void events.push(event) }];
  const sink = createAgentEvents({ node: "n1", boot: "boot-1", log, receivers });
  const recorder: FrameSink = { accept: (frame) => void frames.push(copyFrame(frame)) };
  const sampler = createSampler({
    config: { ...defaultAgentConfig.sampling, ...options.config },
    context: {
      env,
      log,
      events: sink,
      host,
      probes: noProbes,
      gpus: createGpuDirectory(),
      holders: createHolders(),
      stateFolder: "",
    },
    origin: { node: "n1", job: "warpwatch", instance: "n1:9410", boot: "boot-1" },
    host,
    sources: puppets.map(({ source }) => source),
    sinks: options.pulledOnly === true ? [] : [recorder, ...(options.sinks ?? [])],
    onStateChange: (status, before) => {
      if (before !== null)
        sink.report({
          timeMilliseconds: clock.now(),
          kind: "source_state",
          device: "",
          text: `${status.name} ${status.state}`,
          fields: {},
        });
    },
  });
  const value: SamplerBench["value"] = (name, labels = {}) =>
    valueIn(sampler.frame(), name, labels);
  return {
    clock,
    sampler,
    frames,
    events,
    logLines,
    value,
    up: (source) => value(self.sourceUp.name, { source }),
    stateOf: (name) => sampler.status().find((status) => status.name === name)?.state,
  };
}

/** The value of the series in a frame, or null where it is absent. */
export function valueIn(
  frame: Frame,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | null {
  const slot = frame.schema.series.findIndex((series) => {
    if (series.metric.name !== name) return false;
    const own = labelsOf(series);
    return Object.entries(labels).every(([label, wanted]) => own[label] === wanted);
  });
  if (slot === -1 || !isPresent(frame.present, slot)) return null;
  return frame.values[slot] ?? null;
}

function copyFrame(frame: Frame): Frame {
  return {
    ...frame,
    timestamps: frame.timestamps.slice(),
    values: frame.values.slice(),
    present: frame.present.slice(),
  };
}

/** A promise that a test settles when it likes. */
export function deferred<Value>(): {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(reason: Error): void;
} {
  return Promise.withResolvers<Value>();
}
