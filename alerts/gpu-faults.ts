/** Rules for GPUs that have failed: each asks for hands now. The XIDs have theirs in gpu.ts. */
import { gpuDetails, gpuErrors, kernelLog, self, stuckProcesses } from "../core/catalog/index.ts";
import {
  age,
  aggregate,
  compare,
  increase,
  multiply,
  placeLabels,
  rate,
  subtract,
  value,
} from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;
const recentSeconds = 600;

export const gpuLost = defineRule({
  name: "GpuLost",
  condition: compare(value(gpuErrors.lost), "==", 1),
  forMilliseconds: minute,
  severity: "critical",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} no longer answers",
  description:
    "The GPU {{ UUID }} was there when the agent started and the driver no longer lists it, or no longer answers for it. What ran on it is dead.",
  ended: { stillReported: self.sourceUp, on: [] },
  source:
    "No tolerance: gpud and AKS treat a lost GPU as a node condition. A minute lets a reset pass. GpuMissing tells the same where the collector knows the fleet, and hides this one.",
});

export const gpuDriverUnresponsive = defineRule({
  name: "GpuDriverUnresponsive",
  condition: compare(value(self.probeInFlight, { probe: "gpu" }), ">", 45),
  forMilliseconds: minute,
  severity: "critical",
  component: "gpu",
  summary: "the GPU driver of {{ node }} has not answered for {{ value | duration }} ({{ key }})",
  description:
    "A call to NVIDIA's library does not return. Every program that touches the GPU hangs with it and can't be killed; exporters that call the library themselves look healthy and repeat old values.",
  ended: { stillReported: self.probeRestarts, on: ["probe"] },
  source:
    "45 s is the deadline that NVSentinel gives a hanging DCGM probe; measured from outside the process that hangs. With a minute on top no driver reload reaches it.",
});

export const gpuProcessStuck = defineRule({
  name: "GpuProcessStuck",
  condition: compare(
    value(stuckProcesses.uninterruptibleSeconds, { command: { matches: /nvidia.*|nv-.*/ } }),
    ">",
    300,
  ),
  severity: "critical",
  component: "gpu",
  summary:
    "{{ command }} on {{ node }} has been in uninterruptible sleep for {{ value | duration }}",
  description:
    "A process of NVIDIA's driver or tools waits in the kernel and can't be killed: the driver hangs. Told by /proc alone, so that it holds when no call to the driver returns.",
  ended: { stillReported: stuckProcesses.scanSeconds, on: [] },
  source:
    "gpud and Meta's gcm take a process of NVIDIA's in state D as a reason to reboot; five minutes are two and a half times the kernel's own warning.",
});

export const gpuUncorrectableEcc = defineRule({
  name: "GpuUncorrectableEcc",
  condition: compare(increase(value(gpuErrors.eccDoubleBitVolatile), 10 * minute), ">", 0),
  severity: "critical",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} had memory errors that ECC could not correct",
  description:
    "Data in the memory of {{ UUID }} ({{ modelName }}) was lost. The job on it has crashed or computes with wrong numbers; the GPU has to be reset before it gets new work.",
  source:
    "No tolerance: an error beside XID 48, 95 or 140, which GpuXid tells. Azure's health agent takes a double-bit error above 0 as an error.",
});

export const gpuRowRemapFailed = defineRule({
  name: "GpuRowRemapFailed",
  condition: compare(value(gpuErrors.remapFailure), "==", 1),
  severity: "critical",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} has no spare rows left for a faulty one",
  description:
    "A row of {{ UUID }}'s memory ({{ modelName }}) is faulty and could not be replaced: the bank's spares are used up. The GPU is due for return.",
  source:
    "NVIDIA's condition for a return (RMA) under row remapping; Azure's health agent and Meta's gcm take it as an error as well.",
});

export const gpuSramFaulty = defineRule({
  name: "GpuSramFaulty",
  condition: compare(value(gpuErrors.sramThresholdExceeded), "==", 1),
  severity: "critical",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} had more on-chip memory errors than NVIDIA tolerates",
  description:
    "The driver's own count of uncorrectable errors in caches and registers of {{ UUID }} went past the limit: the GPU is due for return.",
  source:
    "The driver's flag nvmlEccSramErrorStatus.bThresholdExceeded, which is NVIDIA's condition for a return.",
});

export const gpuRecoveryPending = defineRule({
  name: "GpuRecoveryPending",
  condition: compare(
    value(gpuErrors.recoveryAction, { action: { matches: /reset|reboot|drain_and_reset/ } }),
    "==",
    1,
  ),
  forMilliseconds: minute,
  severity: "critical",
  component: "gpu",
  onByDefault: false,
  summary: "the driver wants GPU {{ gpu }} of {{ node }} recovered: {{ action }}",
  description:
    "The driver itself says what {{ UUID }} needs before it is used again. XID 154 announces it.",
  source:
    "Azure's health agent takes the driver's actions 1, 2 and 4 as errors. Off, since GpuXid tells of the cause; on drivers from 570 on this one is the more exact of the two.",
});

export const gpuPowerBrake = defineRule({
  name: "GpuPowerBrake",
  condition: compare(
    rate(value(gpuErrors.throttleSeconds, { reason: "hw_power_brake_slowdown" }), fiveMinutes),
    ">",
    0.1,
  ),
  forMilliseconds: minute,
  keepFiringForMilliseconds: fiveMinutes,
  severity: "critical",
  component: "power",
  team: "datacentre",
  summary:
    "the power brake holds GPU {{ gpu }} of {{ node }} down {{ value | percent }} of the time",
  description:
    "A signal from outside the GPU {{ UUID }} halves its clocks: a power supply, the rack's power or the facility protects itself. Mostly many nodes have it at once.",
  source:
    "A tenth of the time is our choice: a brake in order is never pulled. Azure's health agent takes the reason (0x80) as an error at once.",
});

export const gpuThermalSlowdown = defineRule({
  name: "GpuThermalSlowdown",
  condition: compare(
    rate(
      value(gpuErrors.throttleSeconds, {
        reason: { matches: /hw_thermal_slowdown|sw_thermal_slowdown/ },
      }),
      fiveMinutes,
    ),
    ">",
    0.2,
  ),
  forMilliseconds: 2 * minute,
  keepFiringForMilliseconds: fiveMinutes,
  severity: "critical",
  component: "gpu",
  summary:
    "heat holds GPU {{ gpu }} of {{ node }} down {{ value | percent }} of the time ({{ reason }})",
  description:
    "The GPU {{ UUID }} slows itself down to stay whole; every rank of its job waits for it. With hw_thermal_slowdown it is about to shut itself off.",
  source:
    "A fifth of the time for two minutes: stricter than gpud's 0.6 slow-downs a minute over ten minutes, and AKS' GPUClockThrottling.",
});

const linksUp = aggregate("sum", [...placeLabels, "gpu", "UUID"], value(gpuDetails.nvlinkActive));

export const gpuNvlinkDown = defineRule({
  name: "GpuNvlinkDown",
  condition: compare(
    multiply(subtract(linksUp, aggregate("max", placeLabels, linksUp)), -1),
    ">",
    0,
  ),
  forMilliseconds: minute,
  severity: "critical",
  component: "fabric",
  summary:
    "GPU {{ gpu }} of {{ node }} lacks {{ value }} of the NVLinks that its neighbours have up",
  description:
    "The GPU {{ UUID }} lacks NVLinks that the others of the node have. Collectives take a slower way or hang.",
  source:
    "NVIDIA's health check tolerates no inactive link. What a GPU should have is what the best of its node has, so that a board without links stays quiet.",
});

export const nvswitchFatal = defineRule({
  name: "NvswitchFatal",
  condition: compare(
    age(value(kernelLog.kernelLastEvent, { kind: "sxid", severity: "critical" })),
    "<",
    recentSeconds,
  ),
  severity: "critical",
  component: "fabric",
  summary: "an NVSwitch of {{ node }} reported a fatal error",
  description:
    "The switch logged an SXID {{ value }} s ago that is fatal for a port or for the whole fabric: every GPU of the board may be cut off from the others.",
  ended: { stillReported: kernelLog.kernelEvents, on: ["kind"] },
  source:
    "NVIDIA's Fabric Manager guide, which names the SXIDs that are fatal; gpud's sxid component goes by the same list.",
});

export const fabricUnhealthy = defineRule({
  name: "GpuFabricUnhealthy",
  condition: compare(value(gpuDetails.fabricHealth, { state: "unhealthy" }), "==", 1),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "fabric",
  summary: "GPU {{ gpu }} of {{ node }} sees an unhealthy NVLink fabric",
  description:
    "The driver's own summary of bandwidth, routes and configuration of {{ UUID }}'s fabric; warpwatch_gpu_fabric_problem tells which.",
  source:
    "nvmlGpuFabricInfo's health summary: the driver says unhealthy or it doesn't. Five minutes let the fabric come up.",
});
