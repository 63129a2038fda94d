/** What processors are held back by, under node_exporter's names: throttling, isolation, clocks, as sysfs-devices-system-cpu has it. */
import { defineMetric, type Metric } from "./metric.ts";

export const coreThrottles = defineMetric({
  name: "node_cpu_core_throttles_total",
  kind: "counter",
  help: "Times each core was slowed down because it was too hot.",
  labels: ["package", "core"],
  compatibilityOnly: true,
});
export const packageThrottles = defineMetric({
  name: "node_cpu_package_throttles_total",
  kind: "counter",
  help: "Times each package was slowed down because it was too hot.",
  labels: ["package"],
  compatibilityOnly: true,
});
export const cpuOnline = defineMetric({
  name: "node_cpu_online",
  kind: "gauge",
  help: "1 where the kernel runs tasks on the processor, 0 where it was taken out.",
  labels: ["cpu"],
  compatibilityOnly: true,
});
export const cpuIsolated = defineMetric({
  name: "node_cpu_isolated",
  kind: "gauge",
  help: "1 for each processor that the scheduler leaves alone (isolcpus).",
  labels: ["cpu"],
  compatibilityOnly: true,
});
export const frequency = defineFrequency(
  "node_cpu_frequency_hertz",
  "The clock of each processor in hertz, as the hardware tells it.",
);
export const frequencyAverage = defineFrequency(
  "node_cpu_frequency_avg_hertz",
  "The mean clock of each processor in hertz, as the hardware tells it.",
);
export const frequencyMinimum = defineFrequency(
  "node_cpu_frequency_min_hertz",
  "The lowest clock that each processor has, in hertz.",
);
export const frequencyMaximum = defineFrequency(
  "node_cpu_frequency_max_hertz",
  "The highest clock that each processor has, in hertz.",
);
export const scalingFrequency = defineFrequency(
  "node_cpu_scaling_frequency_hertz",
  "The clock that the governor gives each processor, in hertz.",
);
export const scalingFrequencyMinimum = defineFrequency(
  "node_cpu_scaling_frequency_min_hertz",
  "The lowest clock that the governor may give each processor, in hertz.",
);
export const scalingFrequencyMaximum = defineFrequency(
  "node_cpu_scaling_frequency_max_hertz",
  "The highest clock that the governor may give each processor, in hertz.",
);
export const scalingGovernor = defineMetric({
  name: "node_cpu_scaling_governor",
  kind: "gauge",
  help: "1 for the governor that decides about each processor's clock, 0 for those that could.",
  labels: ["cpu", "governor"],
  sampling: "steady",
  compatibilityOnly: true,
});

function defineFrequency(name: string, help: string): Metric<"cpu"> {
  return defineMetric({
    name,
    kind: "gauge",
    unit: "hertz",
    help,
    labels: ["cpu"],
    sampling: "steady",
    compatibilityOnly: true,
  });
}
