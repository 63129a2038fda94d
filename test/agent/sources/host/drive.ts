/** Drives one host source against a folder through its contract, and shows its samples as a map from series to value. */
import { onTestFinished } from "vitest";
import { createHolders } from "../../../../agent/attribution/holders.ts";
import { createGpuDirectory } from "../../../../agent/gpu-directory.ts";
import type { Metric } from "../../../../core/catalog/metric.ts";
import { nowhere, type Device } from "../../../../core/catalog/device.ts";
import type { Clock } from "../../../../core/kit/clock.ts";
import { createEnv, type HostPaths } from "../../../../core/kit/env.ts";
import { createLog } from "../../../../core/kit/log.ts";
import { labelsOf, type Series } from "../../../../core/wire/frame.ts";
import { createSeriesList, type SeriesList } from "../../../../core/wire/slots.ts";
import type { Reader, Source } from "../../../../agent/sources/source.ts";
import { slowKernelCalls } from "../../../../agent/probes/slow-kernel-calls.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { inProcessProbes } from "../../../kit/probes.ts";
import { writeHost, type HostTree } from "../../../hosts/tree.ts";

const host: Device = {
  kind: "node",
  id: "node-1",
  node: "node-1",
  name: "node-1",
  model: "",
  place: nowhere,
};

export interface DrivenSource {
  readonly root: string;
  readonly clock: FakeClock;
  readonly series: readonly Series[];
  /** How often the source asked to be registered anew. */
  readonly changes: number;
  /** Rewrites files of the host in place. */
  change(tree: HostTree): void;
  /** One round as the sampler makes it, 1 s after the last; a series that is absent isn't in the map. */
  read(): Promise<Map<string, number>>;
}

/** Writes the host, opens the source and keeps it open until the test ends. Throws what `open` throws. */
export async function drive(
  source: Source,
  tree: HostTree,
  prepare: (root: string) => void = () => {},
): Promise<DrivenSource> {
  const root = makeFolder();
  const paths = writeHost(root, tree);
  prepare(root);
  const clock = createFakeClock();
  const reader = await openReader(source, paths, clock);
  onTestFinished(() => reader.close());
  const signal = new AbortController().signal;
  let series: Series[] = [];
  let registered = false;
  let changes = 0;

  async function readOnce(mayChange: boolean): Promise<Map<string, number>> {
    if (!registered) {
      series = registerSeries(reader).series;
      registered = true;
    }
    const column = new Float64Array(series.length).fill(Number.NaN);
    if ((await reader.read(column, signal)) === "changed") {
      changes += 1;
      registered = false;
      if (!mayChange) throw new Error("the source changes with every read");
      return readOnce(false);
    }
    return samplesOf(series, column);
  }

  return {
    root,
    clock,
    get series() {
      return series;
    },
    get changes() {
      return changes;
    },
    change: (changed) => void writeHost(root, changed),
    async read() {
      await clock.advance(1000);
      return readOnce(true);
    },
  };
}

/** What `open` says of a host: a reader, or the reason for having none. */
export async function openOutcome(source: Source, tree: HostTree): Promise<string> {
  const root = makeFolder();
  const outcome = await open(source, writeHost(root, tree), createFakeClock());
  if ("absent" in outcome) return outcome.absent.replaceAll(root, "");
  outcome.close();
  return "open";
}

async function openReader(source: Source, paths: HostPaths, clock: Clock): Promise<Reader> {
  const outcome = await open(source, paths, clock);
  if ("absent" in outcome) throw new Error(`${source.name} is absent: ${outcome.absent}`);
  return outcome;
}

function open(source: Source, paths: HostPaths, clock: Clock): ReturnType<Source["open"]> {
  const context = {
    env: createEnv({ paths, clock, node: "node-1" }),
    log: createLog({ clock, write: () => {} }),
    events: { report: () => {} },
    host,
    probes: inProcessProbes({ "slow-kernel": slowKernelCalls }),
    gpus: createGpuDirectory(),
    holders: createHolders(),
    stateFolder: "",
  };
  return source.open(context, new AbortController().signal);
}

export interface Sample {
  readonly name: string;
  readonly metric: Metric;
  readonly value: number;
}

/** One reading of a source on a host that is there already, with whatever clock; nothing where it is absent. */
export async function readHost(source: Source, paths: HostPaths, clock: Clock): Promise<Sample[]> {
  const reader = await open(source, paths, clock);
  if ("absent" in reader) return [];
  try {
    const { series } = registerSeries(reader);
    const column = new Float64Array(series.length).fill(Number.NaN);
    const result = await reader.read(column, new AbortController().signal);
    if (result === "changed") throw new Error(`${source.name} changed under the test`);
    return series
      .map((one, slot) => ({ name: nameOf(one), metric: one.metric, value: column[slot] ?? 0 }))
      .filter(({ value }) => !Number.isNaN(value));
  } finally {
    reader.close();
  }
}

function registerSeries(reader: Reader): SeriesList {
  const list = createSeriesList(10_000);
  reader.register(list);
  return list;
}

function samplesOf(series: readonly Series[], column: Float64Array): Map<string, number> {
  const samples = new Map<string, number>();
  series.forEach((one, slot) => {
    const value = column[slot] ?? Number.NaN;
    if (!Number.isNaN(value)) samples.set(nameOf(one), value);
  });
  return samples;
}

/** `name{label="value",…}` with the labels in alphabetical order, as exporters print them. */
function nameOf(series: Series): string {
  const labels = Object.entries(labelsOf(series))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return labels.length === 0 ? series.metric.name : `${series.metric.name}{${labels.join(",")}}`;
}
