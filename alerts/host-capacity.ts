/** Advice on the size of hosts: kept for the digest, never told at once. */
import { cpu, memory } from "../core/catalog/index.ts";
import { aggregate, compare, divide, over, placeLabels, rate, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const hour = 3_600_000;
const kibibytes = { unit: "bytes", suffix: "_bytes" } as const;

/** A share of the time that was seen: of an hour that has only begun, the rate alone would be too low. */
const idle = divide(
  aggregate("sum", placeLabels, rate(value(cpu.cpuSeconds, { mode: "idle" }), hour)),
  aggregate("sum", placeLabels, rate(value(cpu.cpuSeconds), hour)),
);
const available = divide(
  over("avg", value(memory.memory.metric("MemAvailable", kibibytes)), hour),
  value(memory.memory.metric("MemTotal", kibibytes)),
);
const band =
  "The band of 60 to 80 % is what capacity planners aim at: room for a burst, and nothing paid for in vain.";

export const cpuNearCapacity = defineRule({
  name: "HostCpuNearCapacity",
  condition: compare(idle, "<", 0.2),
  forMilliseconds: 6 * hour,
  severity: "info",
  component: "capacity",
  summary: "the processors of {{ node }} are {{ value | percent }} idle in the mean of an hour",
  description: "More work would have to wait. Move some away, or give the host more processors.",
  source: band,
});

export const cpuOversized = defineRule({
  name: "HostCpuOversized",
  condition: compare(idle, ">", 0.4),
  forMilliseconds: 6 * hour,
  severity: "info",
  component: "capacity",
  summary: "the processors of {{ node }} are {{ value | percent }} idle in the mean of an hour",
  description: "There is room for more work, or for a smaller host.",
  source: band,
});

export const memoryNearCapacity = defineRule({
  name: "HostMemoryNearCapacity",
  condition: compare(available, "<", 0.2),
  forMilliseconds: 6 * hour,
  severity: "info",
  component: "capacity",
  summary: "{{ node }} has {{ value | percent }} of its memory to spare in the mean of an hour",
  description: "Caches don't count. A further job may not fit.",
  source: band,
});

export const memoryOversized = defineRule({
  name: "HostMemoryOversized",
  condition: compare(available, ">", 0.4),
  forMilliseconds: 6 * hour,
  severity: "info",
  component: "capacity",
  summary: "{{ node }} has {{ value | percent }} of its memory to spare in the mean of an hour",
  description: "Caches don't count. There is room for more work, or for a smaller host.",
  source: band,
});
