/** The fleet's state as struct of arrays: one Float64Array per quantity, indexed by node · GPUs per node + index. */
import type { GpuModel } from "./models.ts";
import type { RandomStreams } from "./random.ts";

/** What is measured: units last, as everywhere. Counters start at the driver's load unless they say otherwise. */
const gpuMeasured = [
  "utilizationPercent",
  "memoryCopyPercent",
  "graphicsRatio",
  "smRatio",
  "tensorRatio",
  "dramRatio",
  "smClockMegahertz",
  "memoryClockMegahertz",
  "dieCelsius",
  /** What the sensor says: the die's temperature unless it is stuck. */
  "sensorCelsius",
  "memoryCelsius",
  "powerWatts",
  "energyMillijoules",
  "memoryUsedMebibytes",
  "pcieTransmitBytesPerSecond",
  "pcieReceiveBytesPerSecond",
  "pcieReplays",
  "pcieGeneration",
  "pcieLanes",
  "linkBytes",
  "linksUp",
  "linkCrcErrors",
  "linkReplays",
  "linkRecoveries",
  "eccCorrectedVolatile",
  "eccCorrectedAggregate",
  "eccUncorrectedVolatile",
  "eccUncorrectedAggregate",
  "remappedCorrectable",
  "remappedUncorrectable",
  "remapPending",
  "remapFailure",
  /** Code of the last XID since the driver was loaded; 0 for none. */
  "lastXid",
  /** Bits of {@link throttleBits}. */
  "throttle",
  "idleSeconds",
  "powerCapSeconds",
  "hardwareSlowdownSeconds",
  "hardwareThermalSeconds",
  "powerBrakeSeconds",
  "softwareThermalSeconds",
  /** 1 while the GPU doesn't answer on the bus. */
  "lost",
] as const;

/** What the physics carries from step to step and nobody measures. */
const gpuHidden = [
  /** Share of the chip's idle power and of its load power that this specimen needs. */
  "leakage",
  "efficiency",
  /** Kelvin that the slot's air is warmer than the room's at full chassis power. */
  "preheatKelvin",
  "resistanceSpread",
  "inletCelsius",
  /** Clock as a share of the maximum: what it may have, and the share the heat leaves it. */
  "clockRatio",
  "thermalRatio",
  "hardwareSlowed",
  "demandBusy",
  "demandCompute",
  "demandMemory",
  "demandLink",
  "demandNetwork",
  "demandPcie",
  "demandMemoryFill",
  /** How many jobs have it, or a slice of it. */
  "tenants",
  /** Poisson exposure left until the next error of each sort. */
  "untilCorrected",
  "untilUncorrected",
  "untilReplay",
  "untilLinkError",
  "untilRowRemap",
  "correctedRateSpread",
  /** 1 after the board switched itself off for heat. */
  "tripped",
] as const;

/** How faults bend the physics; neutral when nothing is wrong. */
export const gpuNeutral = {
  resistanceFactor: 1,
  airflowFactor: 1,
  speedFactor: 1,
  powerBrake: 0,
  correctedPerSecond: 0,
  correctedFactor: 1,
  linksDown: 0,
  linkErrorsPerSecond: 0,
  pcieGenerationLost: 0,
  pcieLaneFactor: 1,
  pcieReplaysPerSecond: 0,
  idleAllocated: 0,
  sensorStuck: 0,
  offBus: 0,
} as const;

type GpuColumn =
  | (typeof gpuMeasured)[number]
  | (typeof gpuHidden)[number]
  | keyof typeof gpuNeutral;
export type GpuColumns = Readonly<Record<GpuColumn, Float64Array>>;

export const throttleBits = {
  gpu_idle: 1,
  sw_power_cap: 4,
  hw_slowdown: 8,
  sw_thermal_slowdown: 32,
  hw_thermal_slowdown: 64,
  hw_power_brake_slowdown: 128,
} as const;

export function createGpuColumns(
  model: GpuModel,
  count: number,
  random: RandomStreams,
): GpuColumns {
  const columns = allocate<GpuColumn>(
    [...gpuMeasured, ...gpuHidden, ...(Object.keys(gpuNeutral) as (keyof typeof gpuNeutral)[])],
    count,
  );
  for (let gpu = 0; gpu < count; gpu += 1) {
    columns.leakage[gpu] = 1 + 0.12 * random.normal(gpu);
    columns.efficiency[gpu] = 1 + 0.025 * random.normal(gpu);
    columns.resistanceSpread[gpu] = 1 + 0.03 * random.normal(gpu);
    columns.correctedRateSpread[gpu] = correctedSpread(random.uniform(gpu));
    columns.untilCorrected[gpu] = random.exponential(gpu);
    columns.untilUncorrected[gpu] = random.exponential(gpu);
    columns.untilReplay[gpu] = random.exponential(gpu);
    columns.untilLinkError[gpu] = random.exponential(gpu);
    columns.untilRowRemap[gpu] = random.exponential(gpu);
    columns.eccCorrectedAggregate[gpu] = Math.floor(
      40 * (columns.correctedRateSpread[gpu] ?? 1) * random.exponential(gpu),
    );
  }
  for (const [column, value] of Object.entries(gpuNeutral))
    columns[column as keyof typeof gpuNeutral].fill(value);
  columns.clockRatio.fill(1);
  columns.thermalRatio.fill(1);
  columns.linksUp.fill(model.linkCount);
  columns.pcieGeneration.fill(model.pcieGeneration);
  columns.pcieLanes.fill(model.pcieLanes);
  columns.memoryClockMegahertz.fill(model.memoryClockMegahertz);
  return columns;
}

/** Corrected errors come from few boards: nine in ten have a tenth of the mean, one in a hundred has 25 times it. */
function correctedSpread(uniform: number): number {
  if (uniform < 0.9) return 0.1;
  return uniform < 0.99 ? 7 : 25;
}

/** One zeroed column per name. */
export function allocate<Column extends string>(
  names: readonly Column[],
  length: number,
): Record<Column, Float64Array> {
  return Object.fromEntries(names.map((name) => [name, new Float64Array(length)])) as Record<
    Column,
    Float64Array
  >;
}
