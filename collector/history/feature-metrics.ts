/** Which metrics become daily features, by the kind of device that they tell of: what failure prediction learns from. */
import {
  disk,
  driveHealth,
  fabric,
  gpu,
  gpuDetails,
  gpuErrors,
  gpuNeutral,
  kernelLog,
  memory,
  netclass,
  network,
  pci,
  pressure,
  rdma,
  sensors,
  system,
} from "../../core/catalog/index.ts";
import type { Metric } from "../../core/catalog/metric.ts";
import type { EventKind } from "../../core/wire/event.ts";

export const featureDevices = ["gpu", "drive", "nic", "node"] as const;
export type FeatureDevice = (typeof featureDevices)[number];

export interface FeatureMetric {
  readonly metric: string;
  readonly device: FeatureDevice;
  /** A counter has an increase and resets; of a gauge only its values are kept. */
  readonly isCounter: boolean;
}

const bytes = { unit: "bytes", suffix: "_bytes" } as const;
const portErrors = [
  "link_downed_total",
  "link_error_recovery_total",
  "symbol_error_total",
  "local_link_integrity_errors_total",
  "excessive_buffer_overrun_errors_total",
  "port_receive_errors_total",
  "port_discards_transmitted_total",
  "port_constraint_errors_received_total",
] as const;

/** Wear, heat, load and errors of a GPU; its links' errors as the sums over all of them. */
const ofGpu: readonly Metric[] = [
  gpu.temperature,
  gpu.memoryTemperature,
  gpu.temperatureMargin,
  gpu.powerUsage,
  gpu.energyConsumption,
  gpu.utilization,
  gpu.memoryCopyUtilization,
  gpu.smClock,
  gpu.memoryUsed,
  gpu.fan,
  gpu.pcieReplays,
  gpu.pcieWidth,
  gpu.pcieGeneration,
  gpu.smActive,
  gpu.tensorActive,
  gpu.dramActive,
  gpuNeutral.temperature,
  gpuNeutral.power,
  gpuNeutral.errors,
  gpuErrors.lost,
  gpuErrors.xidEvents,
  gpuErrors.eccSingleBitVolatile,
  gpuErrors.eccDoubleBitVolatile,
  gpuErrors.eccSingleBitAggregate,
  gpuErrors.eccDoubleBitAggregate,
  gpuErrors.retiredSingleBit,
  gpuErrors.retiredDoubleBit,
  gpuErrors.retiredPending,
  gpuErrors.remappedUncorrectable,
  gpuErrors.remappedCorrectable,
  gpuErrors.remapFailure,
  gpuErrors.remapPending,
  gpuErrors.remapBanks,
  gpuErrors.sramThresholdExceeded,
  gpuErrors.throttleSeconds,
  gpuErrors.powerViolation,
  gpuErrors.thermalViolation,
  gpuDetails.sramErrors,
  gpuDetails.repairPending,
  gpuDetails.unrepairableMemory,
  gpuDetails.pcieErrors,
  gpuDetails.nvlinkFlitErrors,
  gpuDetails.nvlinkDataErrors,
  gpuDetails.nvlinkReplays,
  gpuDetails.nvlinkRecoveries,
];

const ofDrive: readonly Metric[] = [
  driveHealth.driveFailing,
  driveHealth.driveWarning,
  driveHealth.driveTemperature,
  driveHealth.driveEnduranceUsed,
  driveHealth.driveSpare,
  driveHealth.driveMediaErrors,
  driveHealth.driveErrorLogEntries,
  driveHealth.driveSectors,
  driveHealth.driveLinkErrors,
  driveHealth.driveCommandTimeouts,
  driveHealth.driveUnsafeShutdowns,
  driveHealth.drivePowerOn,
  driveHealth.drivePowerCycles,
  driveHealth.driveRead,
  driveHealth.driveWritten,
  driveHealth.driveTooHot,
  driveHealth.driveThrottled,
  disk.readsCompleted,
  disk.readSeconds,
  disk.writesCompleted,
  disk.writeSeconds,
  disk.ioSeconds,
];

const ofNic: readonly Metric[] = [
  network.receiveBytes,
  network.transmitBytes,
  network.receiveErrors,
  network.transmitErrors,
  network.receiveDropped,
  network.transmitDropped,
  network.transmitCarrierErrors,
  netclass.carrierChanges,
  ...portErrors.map((key) => fabric.infinibandPort.metric(key)),
  rdma.outOfSequence,
  rdma.sequenceErrors,
  rdma.receiverNotReady,
  rdma.acknowledgementTimeouts,
  rdma.retransmits,
  rdma.retriesExceeded,
  rdma.slowRestarts,
];

const ofNode: readonly Metric[] = [
  sensors.correctedErrors,
  sensors.uncorrectedErrors,
  sensors.zoneTemperature,
  pressure.cpuWaiting,
  pressure.memoryWaiting,
  pressure.ioWaiting,
  memory.memory.metric("MemAvailable", bytes),
  pci.errors,
  kernelLog.kernelEvents,
  system.bootTime,
];

const byDevice: Readonly<Record<FeatureDevice, readonly Metric[]>> = {
  gpu: ofGpu,
  drive: ofDrive,
  nic: ofNic,
  node: ofNode,
};

export const featureMetrics: readonly FeatureMetric[] = featureDevices.flatMap((device) =>
  byDevice[device].map(({ name, kind }) => ({
    metric: name,
    device,
    isCounter: kind === "counter",
  })),
);

/** Virtual devices come and go with pods and say nothing of hardware; the whole name has to match. */
export const leftOutDevices =
  "lo|(loop|ram|zram|dm-|md|nbd|veth|docker|br-|cali|cni|flannel|lxc|tap|tun|virbr).*";

/** What an event that names a device is about; the others are the node's. */
export const eventDevices: Readonly<Partial<Record<EventKind, FeatureDevice>>> = {
  xid: "gpu",
  sxid: "gpu",
  gpu_lost: "gpu",
  gpu_driver: "gpu",
  thermal: "gpu",
  link_change: "nic",
  network_device: "nic",
  drive_error: "drive",
};
