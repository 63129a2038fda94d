/** What GPUs and accelerators of any make have in common, under one name and in base units: one board and one rule serve a mixed fleet. */
import { gpuLabelNames, gpuLabels, type GpuIdentity, type GpuLabel } from "./gpu-labels.ts";
import { defineMetric, type LabelValues } from "./metric.ts";

export type Vendor = "nvidia" | "amd" | "intel" | "google";

/** Where a temperature is taken: `core` at the die's edge or its mean, `hotspot` at its hottest place. */
export type TemperatureSensor = "core" | "hotspot" | "memory";

/** Deferred: found and not yet used by anyone. */
export type ErrorKind = "corrected" | "uncorrected" | "deferred";

const labels = [...gpuLabelNames, "vendor"] as const;

export type NeutralLabel = GpuLabel | "vendor";

export function neutralLabels(identity: GpuIdentity, vendor: Vendor): LabelValues<NeutralLabel> {
  return { ...gpuLabels(identity), vendor };
}

export const utilization = defineMetric({
  name: "warpwatch_gpu_utilization_ratio",
  openTelemetryName: "hw.gpu.utilization",
  kind: "gauge",
  unit: "ratio",
  help: "Share of the last moments in which the GPU, of whatever make, was at work, as its driver has it.",
  labels,
});
export const memoryUsed = defineMetric({
  name: "warpwatch_gpu_memory_used_bytes",
  openTelemetryName: "hw.gpu.memory.usage",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes of the GPU's own memory that are taken.",
  labels,
});
export const memoryTotal = defineMetric({
  name: "warpwatch_gpu_memory_total_bytes",
  openTelemetryName: "hw.gpu.memory.limit",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes of memory that the GPU has of its own.",
  labels,
});
export const power = defineMetric({
  name: "warpwatch_gpu_power_watts",
  openTelemetryName: "hw.power",
  kind: "gauge",
  unit: "watts",
  help: "Power in watts that the GPU draws; where its driver only counts energy, the mean since the last reading.",
  labels,
});
export const energy = defineMetric({
  name: "warpwatch_gpu_energy_joules_total",
  openTelemetryName: "hw.energy",
  kind: "counter",
  unit: "joules",
  help: "Energy in joules that an AMD or Intel GPU has drawn since its driver was loaded.",
  labels,
});
export const temperature = defineMetric({
  name: "warpwatch_gpu_temperature_celsius",
  openTelemetryName: "hw.temperature",
  kind: "gauge",
  unit: "celsius",
  help: "Temperature of the GPU in degrees Celsius: core, hotspot or memory.",
  labels: [...labels, "sensor"],
});
export const clock = defineMetric({
  name: "warpwatch_gpu_clock_hertz",
  kind: "gauge",
  unit: "hertz",
  help: "Clock in hertz of a part of an AMD or Intel GPU: core, memory or media.",
  labels: [...labels, "domain"],
});
export const errors = defineMetric({
  name: "warpwatch_gpu_errors_total",
  openTelemetryName: "hw.errors",
  kind: "counter",
  help: "Errors of the GPU's memories and units since the driver was loaded: corrected, uncorrected or deferred.",
  labels: [...labels, "kind"],
});
