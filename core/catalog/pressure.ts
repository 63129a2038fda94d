/** Pressure stall information, under node_exporter's names: /proc/pressure, as the kernel's accounting/psi document has it. */
import { defineMetric } from "./metric.ts";

export const cpuWaiting = defineMetric({
  name: "node_pressure_cpu_waiting_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which at least one task waited for a processor.",
});
export const memoryWaiting = defineMetric({
  name: "node_pressure_memory_waiting_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which at least one task waited for memory.",
});
export const memoryStalled = defineMetric({
  name: "node_pressure_memory_stalled_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which every task that had work waited for memory.",
});
export const ioWaiting = defineMetric({
  name: "node_pressure_io_waiting_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which at least one task waited for I/O.",
});
export const ioStalled = defineMetric({
  name: "node_pressure_io_stalled_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which every task that had work waited for I/O.",
});
export const interruptStalled = defineMetric({
  name: "node_pressure_irq_stalled_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which every task that had work waited for interrupts to be handled.",
  compatibilityOnly: true,
});
