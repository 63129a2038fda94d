/** The console's readings out of the newest samples of an origin: where they are is looked up once per schema. */
import { cpu, filesystem, gpu, memory, self } from "../../core/catalog/index.ts";
import { isPresent, labelsOf, type Schema } from "../../core/wire/frame.ts";
import type { SourceOverview } from "../console/overview.ts";
import type { OriginState } from "../origin.ts";

export interface Readings {
  readonly cpuIdleSeconds: number;
  readonly cpuSeconds: number;
  readonly memoryUsedRatio: number | null;
  readonly fullestFilesystem: { readonly mountpoint: string; readonly usedRatio: number } | null;
  /** By UUID. */
  readonly gpus: ReadonlyMap<string, GpuReadings>;
  readonly sources: readonly SourceOverview[];
}

interface GpuReadings {
  readonly utilisationRatio: number | null;
  readonly memoryRatio: number | null;
  readonly temperatureCelsius: number | null;
  readonly powerWatts: number | null;
}

/** Slots by metric name, and by what tells the series of one metric apart. */
type Places = ReadonlyMap<string, ReadonlyMap<string, number>>;

interface Layout {
  readonly places: Places;
  readonly sources: readonly { readonly slot: number; readonly overview: SourceOverview }[];
}

const bytes = { unit: "bytes", suffix: "_bytes" } as const;
const memoryAvailable = memory.memory.metric("MemAvailable", bytes).name;
const memoryTotal = memory.memory.metric("MemTotal", bytes).name;
/** What tells the series of each metric apart: one of its labels, or several together. */
const wanted: ReadonlyMap<string, readonly string[]> = new Map([
  [memoryAvailable, []],
  [memoryTotal, []],
  [cpu.cpuSeconds.name, ["cpu", "mode"]],
  [filesystem.available.name, ["mountpoint"]],
  [filesystem.size.name, ["mountpoint"]],
  [gpu.utilization.name, ["UUID"]],
  [gpu.memoryUsed.name, ["UUID"]],
  [gpu.memoryFree.name, ["UUID"]],
  [gpu.temperature.name, ["UUID"]],
  [gpu.powerUsage.name, ["UUID"]],
]);

const layouts = new WeakMap<Schema, Layout>();

export function readOrigin(state: OriginState): Readings {
  let layout = layouts.get(state.schema);
  if (!layout) {
    layout = layOut(state.schema);
    layouts.set(state.schema, layout);
  }
  const { places } = layout;
  const at = (name: string, key: string): number | null => {
    const slot = places.get(name)?.get(key);
    return slot !== undefined && isPresent(state.present, slot)
      ? (state.values[slot] ?? null)
      : null;
  };
  return {
    ...readCpu(places, at),
    memoryUsedRatio: usedRatio(at(memoryAvailable, ""), at(memoryTotal, "")),
    fullestFilesystem: readFilesystems(places, at),
    gpus: readGpus(places, at),
    sources: layout.sources
      .filter(({ slot }) => isPresent(state.present, slot) && state.values[slot] === 1)
      .map(({ overview }) => overview),
  };
}

function layOut(schema: Schema): Layout {
  const places = new Map<string, Map<string, number>>();
  const sources: { slot: number; overview: SourceOverview }[] = [];
  schema.series.forEach((series, slot) => {
    const { name } = series.metric;
    const keys = wanted.get(name);
    if (keys) {
      const labels = labelsOf(series);
      const slots = places.get(name) ?? new Map<string, number>();
      slots.set(keys.map((label) => labels[label] ?? "").join(" "), slot);
      places.set(name, slots);
    } else if (name === self.sourceInfo.name) {
      const { source = "", state = "", reason = "" } = labelsOf(series);
      if (state === "up" || state === "absent" || state === "down")
        sources.push({ slot, overview: { source, state, reason } });
    }
  });
  return { places, sources };
}

type ReadAt = (name: string, key: string) => number | null;

function readCpu(places: Places, at: ReadAt): Pick<Readings, "cpuIdleSeconds" | "cpuSeconds"> {
  let cpuIdleSeconds = 0;
  let cpuSeconds = 0;
  for (const key of places.get(cpu.cpuSeconds.name)?.keys() ?? []) {
    const seconds = at(cpu.cpuSeconds.name, key) ?? 0;
    cpuSeconds += seconds;
    if (/ (idle|iowait)$/.test(key)) cpuIdleSeconds += seconds;
  }
  return { cpuIdleSeconds, cpuSeconds };
}

function readFilesystems(places: Places, at: ReadAt): Readings["fullestFilesystem"] {
  let fullest: Readings["fullestFilesystem"] = null;
  for (const mountpoint of places.get(filesystem.size.name)?.keys() ?? []) {
    const ratio = usedRatio(
      at(filesystem.available.name, mountpoint),
      at(filesystem.size.name, mountpoint),
    );
    if (ratio !== null && ratio > (fullest?.usedRatio ?? -1))
      fullest = { mountpoint, usedRatio: ratio };
  }
  return fullest;
}

function readGpus(places: Places, at: ReadAt): Map<string, GpuReadings> {
  const gpus = new Map<string, GpuReadings>();
  for (const uuid of places.get(gpu.temperature.name)?.keys() ?? []) {
    const utilisation = at(gpu.utilization.name, uuid);
    const used = at(gpu.memoryUsed.name, uuid);
    const free = at(gpu.memoryFree.name, uuid);
    gpus.set(uuid, {
      utilisationRatio: utilisation === null ? null : utilisation / 100,
      memoryRatio: used === null || free === null ? null : usedRatio(free, used + free),
      temperatureCelsius: at(gpu.temperature.name, uuid),
      powerWatts: at(gpu.powerUsage.name, uuid),
    });
  }
  return gpus;
}

function usedRatio(available: number | null, total: number | null): number | null {
  return available === null || total === null || !(total > 0) ? null : 1 - available / total;
}
