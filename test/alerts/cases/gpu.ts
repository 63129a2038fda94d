/** Cases of the rules for GPUs and what joins them. */
import {
  attribution,
  fabric,
  gpu,
  gpuDetails,
  gpuErrors,
  gpuStack,
  inventory,
  kernelLog,
  self,
  stuckProcesses,
} from "../../../core/catalog/index.ts";
import { counter, dcgm, gauge, lastEvent, rising, uuid, type MakeCase } from "./case.ts";

const flag = { fires: 1, below: 0, clears: 0 };
const port = { device: "mlx5_0", port: "1" };
const portState = fabric.infinibandPort.metric("state_id", { kind: "gauge" });
const portReceived = fabric.infinibandPort.metric("port_data_received_bytes_total");
const sourceUp = { metric: self.sourceUp, labels: { source: "nvml" }, value: 1 };
const busy = { metric: gpu.utilization, labels: dcgm, value: 90 };
const held = { metric: attribution.holders, labels: uuid, value: 1 };
const xidCount = {
  metric: gpuErrors.xidEvents,
  labels: { ...uuid, action: "restart_app" },
  value: 0,
};

/** A kind's counters, which vouch for it when its last event is forgotten. */
function logged(kind: string, severity: string) {
  return [{ metric: kernelLog.kernelEvents, labels: { kind, severity }, value: 0 }];
}

export const gpuCases: readonly MakeCase[] = [
  gauge("GpuLost", gpuErrors.lost, uuid, flag, [sourceUp]),
  gauge(
    "GpuDriverUnresponsive",
    self.probeInFlight,
    { probe: "gpu", key: "gpu0" },
    { fires: 46, below: 45, clears: 0 },
    [{ metric: self.probeRestarts, labels: { probe: "gpu" }, value: 0 }],
  ),
  gauge(
    "GpuProcessStuck",
    stuckProcesses.uninterruptibleSeconds,
    { command: "nvidia-smi" },
    { fires: 301, below: 300, clears: 0 },
    [{ metric: stuckProcesses.scanSeconds, value: 1 }],
  ),
  // Half an error in the ten minutes.
  counter("GpuUncorrectableEcc", gpuErrors.eccDoubleBitVolatile, dcgm, {
    fires: 0.5 / 600,
    below: 0,
    clears: 0,
  }),
  gauge("GpuRowRemapFailed", gpuErrors.remapFailure, dcgm, flag),
  gauge("GpuSramFaulty", gpuErrors.sramThresholdExceeded, uuid, flag),
  gauge("GpuRecoveryPending", gpuErrors.recoveryAction, { ...uuid, action: "reboot" }, flag, [
    { metric: gpuErrors.recoveryAction, labels: { ...uuid, action: "drain_p2p" }, value: 1 },
  ]),
  counter(
    "GpuPowerBrake",
    gpuErrors.throttleSeconds,
    { ...uuid, reason: "hw_power_brake_slowdown" },
    { fires: 0.11, below: 0.099, clears: 0 },
  ),
  counter(
    "GpuThermalSlowdown",
    gpuErrors.throttleSeconds,
    { ...uuid, reason: "sw_thermal_slowdown" },
    { fires: 0.22, below: 0.199, clears: 0 },
  ),
  // The value is how many of its four links the second GPU lacks.
  () => ({
    rule: "GpuNvlinkDown",
    scene: (lacking) =>
      ["0", "1"].flatMap((number) =>
        ["0", "1", "2", "3"].map((link) => ({
          metric: gpuDetails.nvlinkActive,
          labels: { gpu: number, UUID: `GPU-${number}`, link },
          value: number === "1" && link === "3" ? 1 - lacking : 1,
        })),
      ),
    fires: 1,
    below: 0,
    clears: 0,
  }),
  lastEvent(
    "NvswitchFatal",
    kernelLog.kernelLastEvent,
    { kind: "sxid", severity: "critical" },
    logged("sxid", "critical"),
  ),
  gauge("GpuFabricUnhealthy", gpuDetails.fabricHealth, { ...uuid, state: "unhealthy" }, flag),
  gauge(
    "FabricManagerDown",
    gpuStack.stackServiceState,
    { service: "nvidia-fabricmanager", state: "failed" },
    flag,
  ),
  lastEvent(
    "GpuDriverFault",
    kernelLog.kernelLastEvent,
    { kind: "gpu_driver", severity: "critical" },
    logged("gpu_driver", "critical"),
  ),

  gauge("GpuRowRemapPending", gpuErrors.remapPending, uuid, flag),
  gauge("GpuRemapBanksLow", gpuErrors.remapBanks, { ...uuid, state: "low" }, flag, [
    { metric: gpuErrors.remapBanks, labels: { ...uuid, state: "max" }, value: 600 },
  ]),
  gauge("GpuRowRemapsExhausting", gpuErrors.remappedUncorrectable, dcgm, {
    fires: 512,
    below: 511,
    clears: 0,
  }),
  gauge("GpuPagesPendingRetirement", gpuErrors.retiredPending, dcgm, flag),
  gauge("GpuRepairPending", gpuDetails.repairPending, { ...uuid, kind: "channel" }, flag),
  gauge("GpuMemoryUnrepairable", gpuDetails.unrepairableMemory, uuid, flag),
  counter("GpuCorrectableEccRateHigh", gpuErrors.eccSingleBitVolatile, dcgm, {
    fires: 11,
    below: 9.9,
    holds: 6,
    clears: 4,
  }),
  lastEvent(
    "GpuContainedMemoryError",
    gpuErrors.xidLastEvent,
    { ...uuid, xid: "94", action: "restart_app" },
    [xidCount],
  ),
  // Two links with an equal share.
  () => {
    const [first, second] = [rising(), rising()];
    return {
      rule: "GpuNvlinkErrorsRising",
      scene: (rate, seconds) => [
        {
          metric: gpuErrors.nvlinkErrors,
          labels: { ...uuid, link: "0", kind: "crc" },
          value: first(rate / 2, seconds),
        },
        {
          metric: gpuErrors.nvlinkErrors,
          labels: { ...uuid, link: "1", kind: "replay" },
          value: second(rate / 2, seconds),
        },
      ],
      fires: 0.022,
      below: 0.0198,
      holds: 0.012,
      clears: 0.005,
    };
  },
  // Replays a second: 8 a minute are 0.1333, as far as nothing tells the generation.
  counter("GpuPcieReplayRateHigh", gpu.pcieReplays, dcgm, {
    fires: 0.14,
    below: 0.132,
    holds: 0.08,
    clears: 0.05,
  }),
  gauge("GpuThermalMarginLow", gpu.temperatureMargin, uuid, {
    fires: 4.9,
    below: 5,
    holds: 7.9,
    clears: 8,
  }),
  // Of three GPUs two are at 50 °C, which is the median; the value is what the third has beyond.
  () => ({
    rule: "GpuHotterThanSiblings",
    scene: (beyond) =>
      [50 + beyond, 50, 50].flatMap((celsius, number) => {
        const labels = { ...dcgm, gpu: String(number), UUID: `GPU-${number}` };
        return [
          { metric: gpu.temperature, labels, value: celsius },
          { metric: gpu.utilization, labels, value: 90 },
        ];
      }),
    fires: 16,
    below: 15,
    holds: 11,
    clears: 10,
  }),
  // The value is the distance to a limit of 95 °C.
  () => ({
    rule: "GpuMemoryTooHot",
    scene: (distance) => [
      { metric: gpu.memoryTemperature, labels: dcgm, value: 95 + distance },
      {
        metric: gpuDetails.temperatureThreshold,
        labels: { ...uuid, kind: "memory_maximum" },
        value: 95,
      },
    ],
    fires: -2.9,
    below: -3,
    holds: -4.9,
    clears: -5,
  }),
  gauge(
    "GpuClockBelowExpected",
    gpu.smClock,
    dcgm,
    { fires: 1390, below: 1400, holds: 1590, clears: 1610 },
    [
      { metric: gpuDetails.smClockMaximum, labels: dcgm, value: 2000 },
      busy,
      {
        metric: gpuErrors.throttleSeconds,
        labels: { ...uuid, reason: "sw_power_cap" },
        value: 5,
      },
    ],
  ),
  gauge("GpuPersistenceModeOff", gpuDetails.persistenceMode, dcgm, {
    fires: 0,
    below: 1,
    clears: 1,
  }),
  gauge("GpuEccDisabled", gpuDetails.eccCurrent, dcgm, { fires: 0, below: 1, clears: 1 }),
  () => ({
    rule: "GpuTelemetryMissing",
    scene: (missing) => [
      {
        metric: gpu.info,
        labels: {
          ...uuid,
          pci_bus_id: "x",
          model: "H100",
          serial: "1",
          driver_version: "570",
          vbios_version: "96",
        },
        value: 1,
      },
      { metric: gpu.temperature, labels: dcgm, value: missing === 1 ? undefined : 40 },
      { metric: inventory.nodeInfo, labels: { model: "DGX" }, value: 1 },
    ],
    ...flag,
  }),

  gauge("GpuAllocatedIdle", gpu.utilization, dcgm, { fires: 4.5, below: 5, clears: 60 }, [held]),
  gauge("GpuAllocatedIdleDay", gpu.utilization, dcgm, { fires: 4.5, below: 5, clears: 60 }, [held]),
  gauge("GpuBusyButInefficient", gpu.utilization, dcgm, { fires: 81, below: 79, clears: 10 }, [
    { metric: gpu.smActive, labels: dcgm, value: 0.1 },
  ]),
  gauge("GpuWithdrawn", attribution.allocatable, uuid, { fires: 0, below: 1, clears: 1 }),
  gauge("GpuHoldersUnmatched", attribution.unmatchedHolders, {}, flag),

  () => {
    const received = rising();
    return {
      rule: "InfinibandPortDown",
      scene: (state, second) => [
        { metric: portState, labels: port, value: state },
        { metric: portReceived, labels: port, value: received(1000, second) },
      ],
      fires: 3.5,
      below: 4,
      clears: 4,
    };
  },
  // In three hours 2.7 times, and 2.3 times.
  counter("InfinibandLinkFlapping", fabric.infinibandPort.metric("link_downed_total"), port, {
    fires: 2.7 / 10_800,
    below: 2.3 / 10_800,
    clears: 0,
  }),
  counter("InfinibandSymbolErrors", fabric.infinibandPort.metric("symbol_error_total"), port, {
    fires: 1.1,
    below: 0.99,
    holds: 0.6,
    clears: 0.4,
  }),

  // In an hour 3.7 times, and 3.3 times.
  counter(
    "InfinibandLinkRecovering",
    fabric.infinibandPort.metric("link_error_recovery_total"),
    port,
    { fires: 3.7 / 3600, below: 3.3 / 3600, clears: 0 },
  ),
  counter(
    "InfinibandLinkIntegrity",
    fabric.infinibandPort.metric("local_link_integrity_errors_total"),
    port,
    { fires: 0.5 / 600, below: 0, clears: 0 },
  ),

  // Within a week 2.7, and 2.3.
  counter(
    "GpuXidRecurring",
    gpuErrors.xidEvents,
    { ...uuid, action: "reset_gpu" },
    { fires: 2.7 / 604_800, below: 2.3 / 604_800, clears: 0 },
  ),
  // Above 1 is a second version.
  () => ({
    rule: "GpuDriverVersionSkew",
    scene: (versions) =>
      ["550", "570"].map((version, number) => ({
        metric: gpu.info,
        labels: { gpu: String(number), UUID: `GPU-${number}`, driver_version: version },
        value: number < versions ? 1 : undefined,
      })),
    fires: 2,
    below: 1,
    clears: 1,
    whole: true,
  }),
  // Seven ranks at 0.5, which is the median.
  () => ({
    rule: "GpuStragglerInJob",
    scene: (share) =>
      Array.from({ length: 8 }, (_, number) => ({
        metric: gpu.tensorActive,
        labels: { ...dcgm, gpu: String(number), UUID: `GPU-${number}`, hpc_job: "17" },
        value: number === 0 ? 0.5 * share : 0.5,
      })),
    fires: 0.58,
    below: 0.61,
    holds: 0.68,
    clears: 0.72,
  }),
  gauge("InfinibandPortNotBack", portState, port, { fires: 3.5, below: 4, clears: 4 }, [
    { metric: portReceived, labels: port, value: 7 },
  ]),
  // Eight GPUs of a job on as many nodes; the value is what one has beyond the others' 50 °C.
  () => ({
    rule: "GpuHotterThanJob",
    scene: (beyond) =>
      Array.from({ length: 8 }, (_, number) => ({
        metric: gpu.temperature,
        labels: { ...dcgm, UUID: `GPU-${number}`, Hostname: `node-${number}`, hpc_job: "17" },
        value: number === 0 ? 50 + beyond : 50,
      })),
    fires: 21,
    below: 20,
    holds: 16,
    clears: 15,
  }),
  // Of three GPUs of a model two have both links; the value is how many the third lacks.
  () => ({
    rule: "GpuNvlinksBelowFleet",
    scene: (lacking) =>
      ["1", "2", "3"].flatMap((number) => {
        const own = { gpu: "0", UUID: `GPU-${number}` };
        return [
          { metric: gpu.info, labels: { ...own, model: "H100" }, value: 1 },
          { metric: gpuDetails.nvlinkActive, labels: { ...own, link: "0" }, value: 1 },
          {
            metric: gpuDetails.nvlinkActive,
            labels: { ...own, link: "1" },
            value: number === "3" ? 1 - lacking : 1,
          },
        ];
      }),
    fires: 1,
    below: 0,
    clears: 0,
  }),
  // Of twenty-one GPUs nineteen correct none, and one as many as make the 95th percentile.
  () => {
    const counts = Array.from({ length: 21 }, rising);
    return {
      rule: "GpuCorrectableEccAboveFleet",
      scene: (rate, second) =>
        counts.map((count, number) => ({
          metric: gpuErrors.eccSingleBitVolatile,
          labels: { ...dcgm, UUID: `GPU-${number}` },
          value: count(number === 0 ? rate : number === 1 ? 0.0001 : 0, second),
        })),
      fires: 0.11,
      below: 0.099,
      holds: 0.06,
      clears: 0.04,
    };
  },
];
