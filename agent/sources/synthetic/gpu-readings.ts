/** How each of a GPU's metrics is read off the synthetic fleet's columns, rounded as the driver rounds. */
import * as gpu from "../../../core/catalog/gpu.ts";
import * as details from "../../../core/catalog/gpu-details.ts";
import * as errors from "../../../core/catalog/gpu-errors.ts";
import type { DcgmLabel, GpuLabel } from "../../../core/catalog/gpu-labels.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import { throttleBits, type GpuColumns } from "../../../simulator/columns.ts";
import type { Fleet } from "../../../simulator/fleet.ts";
import { reservedMebibytes } from "../../../simulator/observe.ts";
import { neutralTwinOf } from "../gpu/neutral-twins.ts";

/** `index` is the GPU's place in the fleet's columns; NaN is absent. */
export type ReadGpu = (index: number) => number;

export interface DcgmReading {
  readonly metric: Metric<DcgmLabel>;
  readonly read: ReadGpu;
}

/** `labels` are those beyond the GPU's own. */
export interface GpuReading<Extra extends string = string> {
  readonly metric: Metric<GpuLabel | Extra>;
  readonly labels: LabelValues<Extra>;
  readonly read: ReadGpu;
}

const nanosecondsPerSecond = 1e9;
const bytesPerKibibyte = 1024;
const remappableBanks = 640;

export function dcgmReadings(fleet: Fleet): DcgmReading[] {
  const { gpus, model } = fleet;
  const column =
    (name: keyof GpuColumns, digits = 0): ReadGpu =>
    (index) =>
      round(gpus[name][index]!, digits);
  // The driver gives no utilization of a GPU that is split.
  const whole = (read: ReadGpu): ReadGpu => (fleet.mig ? () => Number.NaN : read);
  const reserved = reservedMebibytes(model);
  const violation =
    (...names: (keyof GpuColumns)[]): ReadGpu =>
    (index) =>
      Math.round(names.reduce((sum, name) => sum + gpus[name][index]!, 0) * nanosecondsPerSecond);
  return [
    { metric: gpu.utilization, read: whole(column("utilizationPercent")) },
    { metric: gpu.memoryCopyUtilization, read: whole(column("memoryCopyPercent")) },
    { metric: gpu.encoderUtilization, read: whole(() => 0) },
    { metric: gpu.decoderUtilization, read: whole(() => 0) },
    { metric: gpu.smClock, read: column("smClockMegahertz") },
    { metric: gpu.memoryClock, read: column("memoryClockMegahertz") },
    { metric: gpu.temperature, read: column("sensorCelsius") },
    { metric: gpu.memoryTemperature, read: column("memoryCelsius") },
    { metric: gpu.powerUsage, read: column("powerWatts", 3) },
    { metric: gpu.energyConsumption, read: column("energyMillijoules") },
    {
      metric: gpu.memoryFree,
      read: (index) => model.memoryMebibytes - reserved - gpus.memoryUsedMebibytes[index]!,
    },
    { metric: gpu.memoryUsed, read: column("memoryUsedMebibytes") },
    { metric: details.memoryTotal, read: () => model.memoryMebibytes },
    { metric: gpu.memoryReserved, read: () => reserved },
    { metric: gpu.pcieReplays, read: column("pcieReplays") },
    {
      metric: gpu.nvlinkBandwidth,
      read: (index) => Math.floor(gpus.linkBytes[index]! / bytesPerKibibyte),
    },
    { metric: gpu.graphicsEngineActive, read: column("graphicsRatio", 6) },
    { metric: gpu.smActive, read: column("smRatio", 6) },
    { metric: gpu.tensorActive, read: column("tensorRatio", 6) },
    { metric: gpu.dramActive, read: column("dramRatio", 6) },
    { metric: gpu.pcieTransmitBytes, read: column("pcieTransmitBytesPerSecond") },
    { metric: gpu.pcieReceiveBytes, read: column("pcieReceiveBytesPerSecond") },
    { metric: errors.eccSingleBitVolatile, read: column("eccCorrectedVolatile") },
    { metric: errors.eccDoubleBitVolatile, read: column("eccUncorrectedVolatile") },
    { metric: errors.eccSingleBitAggregate, read: column("eccCorrectedAggregate") },
    { metric: errors.eccDoubleBitAggregate, read: column("eccUncorrectedAggregate") },
    { metric: errors.remappedUncorrectable, read: column("remappedUncorrectable") },
    { metric: errors.remappedCorrectable, read: column("remappedCorrectable") },
    { metric: errors.remapFailure, read: column("remapFailure") },
    { metric: errors.powerViolation, read: violation("powerCapSeconds", "powerBrakeSeconds") },
    {
      metric: errors.thermalViolation,
      read: violation("softwareThermalSeconds", "hardwareThermalSeconds"),
    },
  ];
}

/** What all makes share, out of the very numbers that NVIDIA's metrics have. */
export function neutralReadings(dcgm: readonly DcgmReading[]): GpuReading[] {
  return dcgm.flatMap(({ metric, read }) => {
    const twin = neutralTwinOf(metric);
    if (!twin) return [];
    const readTwin: ReadGpu = (index) => twin.convert(read(index));
    return [{ metric: twin.metric, labels: twin.extraLabels, read: readTwin }];
  });
}

/** What has the GPU's own labels only. */
export function plainReadings(fleet: Fleet): GpuReading<never>[] {
  const { gpus, model } = fleet;
  const plain = (metric: Metric<GpuLabel>, read: ReadGpu): GpuReading<never> => ({
    metric,
    labels: {},
    read,
  });
  return [
    plain(gpu.powerLimit, () => model.powerLimitWatts),
    plain(gpu.temperatureMargin, (index) =>
      round(model.maximumOperatingCelsius - gpus.sensorCelsius[index]!, 0),
    ),
    plain(gpu.performanceState, () => 0),
    plain(gpu.pcieWidth, (index) => gpus.pcieLanes[index]!),
    plain(gpu.pcieWidthMaximum, () => model.pcieLanes),
    plain(gpu.pcieGeneration, (index) => gpus.pcieGeneration[index]!),
    plain(gpu.pcieGenerationMaximum, () => model.pcieGeneration),
    plain(gpu.migEnabled, () => (fleet.mig ? 1 : 0)),
    plain(errors.remapPending, (index) => gpus.remapPending[index]!),
    plain(errors.sramThresholdExceeded, () => 0),
  ];
}

const throttleSecondsColumn: Readonly<Record<errors.ThrottleReason, keyof GpuColumns | null>> = {
  gpu_idle: "idleSeconds",
  applications_clocks_setting: null,
  sw_power_cap: "powerCapSeconds",
  hw_slowdown: "hardwareSlowdownSeconds",
  hw_thermal_slowdown: "hardwareThermalSeconds",
  hw_power_brake_slowdown: "powerBrakeSeconds",
  sw_thermal_slowdown: "softwareThermalSeconds",
  sync_boost: null,
};

export function throttleReadings({ gpus }: Fleet): GpuReading<"reason">[] {
  const bits: Partial<Record<errors.ThrottleReason, number>> = throttleBits;
  return errors.throttleReasons.flatMap((reason) => {
    const bit = bits[reason] ?? 0;
    const seconds = throttleSecondsColumn[reason];
    return [
      {
        metric: errors.throttleActive,
        labels: { reason },
        read: (index: number) => ((gpus.throttle[index]! & bit) === 0 ? 0 : 1),
      },
      {
        metric: errors.throttleSeconds,
        labels: { reason },
        read: (index: number) => (seconds === null ? 0 : gpus[seconds][index]!),
      },
    ];
  });
}

export function recoveryReadings({ gpus }: Fleet): GpuReading<"action">[] {
  return errors.recoveryActions.map((action) => ({
    metric: errors.recoveryAction,
    labels: { action },
    read: (index) => (action === (gpus.remapPending[index]! > 0 ? "reset" : "none") ? 1 : 0),
  }));
}

export function remapReadings({ gpus }: Fleet): GpuReading<"state">[] {
  const touched: ReadGpu = (index) =>
    gpus.remappedUncorrectable[index]! + gpus.remappedCorrectable[index]!;
  const banks: Readonly<Record<errors.RemapAvailability, ReadGpu>> = {
    max: (index) => remappableBanks - touched(index) - gpus.remapFailure[index]!,
    high: touched,
    partial: () => 0,
    low: () => 0,
    none: (index) => gpus.remapFailure[index]!,
  };
  return errors.remapAvailabilities.map((state) => ({
    metric: errors.remapBanks,
    labels: { state },
    read: banks[state],
  }));
}

/** Links fail alone: what a GPU's links count as errors is one link's, the same one every time. */
export function linkReadings(fleet: Fleet): GpuReading<"link" | "kind">[] {
  const { gpus, model, gpusPerNode } = fleet;
  const kinds = [
    ["crc", "linkCrcErrors"],
    ["replay", "linkReplays"],
    ["recovery", "linkRecoveries"],
  ] as const;
  return Array.from({ length: model.linkCount }, (_, link) =>
    kinds.map(([kind, name]) => ({
      metric: errors.nvlinkErrors,
      labels: { link: String(link), kind },
      read: (index: number) =>
        (index % gpusPerNode) % model.linkCount === link ? gpus[name][index]! : 0,
    })),
  ).flat();
}

function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
