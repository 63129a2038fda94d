/** What the anomaly detector watches: an explicit list over the catalogue, with the least change of each that is worth a person's time. */
import { value, type Selection } from "../../../alerts/expression.ts";
import { cpu, disk, gpu, memory, network, pressure } from "../../../core/catalog/index.ts";

/**
 * `value`: the sample. `share`: `of` divided by `per`. `rate`: growth per second of counters together. `quotient`: growth of `of` per growth of `per`.
 * `busy`: 1 minus the mean growth per second of `of`, which counts idle seconds.
 */
export type Reading = "value" | "share" | "rate" | "quotient" | "busy";

export interface Watch {
  /** Stable: what was learned is kept under it. */
  readonly name: string;
  /** How a finding names it. */
  readonly title: string;
  readonly reading: Reading;
  readonly of: readonly Selection[];
  readonly per?: readonly Selection[];
  /** What moves it: only what this doesn't explain is judged. */
  readonly driver?: Selection;
  /** Labels that tell its series apart. */
  readonly by: readonly string[];
  /** Which changes matter: 1 rises, -1 falls, 0 both. */
  readonly direction: -1 | 0 | 1;
  /** A job's start or end makes it a series of its own. */
  readonly followsJob: boolean;
  /** It has to be off this long before it is told. */
  readonly confirmMilliseconds: number;
  /** Smaller changes are never told, however unusual. */
  readonly leastChange: number;
  readonly unit: string;
}

/** The watch by whose changes a GPU's jobs are told apart. */
export const jobMarker = "gpu_memory";

const minute = 60_000;
const perGpu = ["gpu", "UUID"];
const perDevice = ["device"];
const drives = { device: { excludes: /(loop|ram|zram|sr|fd)\d+/ } };
const interfaces = {
  device: { excludes: /lo|(veth|docker|br-|cali|cni|flannel|lxc|tap|tun|virbr).*/ },
};
const bytes = { unit: "bytes", suffix: "_bytes" } as const;

/** What a job asks of its GPU: bursts and checkpoints are shorter than this. */
const load = {
  reading: "value",
  by: perGpu,
  direction: 0,
  followsJob: true,
  confirmMilliseconds: 5 * minute,
} as const;
const host = {
  by: [],
  direction: 1,
  followsJob: false,
  confirmMilliseconds: 5 * minute,
} as const;

export const watches: readonly Watch[] = [
  {
    name: "gpu_temperature",
    title: "temperature",
    reading: "value",
    of: [value(gpu.temperature)],
    driver: value(gpu.powerUsage),
    by: perGpu,
    direction: 1,
    followsJob: false,
    confirmMilliseconds: minute,
    leastChange: 5,
    unit: "°C",
  },
  {
    name: "gpu_power",
    title: "power",
    of: [value(gpu.powerUsage)],
    leastChange: 60,
    unit: "W",
    ...load,
  },
  {
    name: "gpu_utilization",
    title: "utilisation",
    of: [value(gpu.utilization)],
    leastChange: 30,
    unit: "%",
    ...load,
  },
  {
    name: "gpu_sm_clock",
    title: "SM clock",
    of: [value(gpu.smClock)],
    leastChange: 150,
    unit: "MHz",
    ...load,
    direction: -1,
  },
  // Tells one job from the next; how much a job allocates is its own business.
  {
    name: jobMarker,
    title: "memory in use",
    of: [value(gpu.memoryUsed)],
    leastChange: Number.POSITIVE_INFINITY,
    unit: "MiB",
    ...load,
    followsJob: false,
  },
  {
    name: "cpu_busy",
    title: "busy share of the processors",
    reading: "busy",
    of: [value(cpu.cpuSeconds, { mode: "idle" })],
    leastChange: 0.3,
    unit: "of 1",
    ...host,
  },
  {
    name: "cpu_pressure",
    title: "waiting for a processor",
    reading: "rate",
    of: [value(pressure.cpuWaiting)],
    leastChange: 0.2,
    unit: "s/s",
    ...host,
  },
  {
    name: "memory_pressure",
    title: "waiting for memory",
    reading: "rate",
    of: [value(pressure.memoryWaiting)],
    leastChange: 0.1,
    unit: "s/s",
    ...host,
  },
  {
    name: "io_pressure",
    title: "waiting for I/O",
    reading: "rate",
    of: [value(pressure.ioWaiting)],
    leastChange: 0.2,
    unit: "s/s",
    ...host,
  },
  {
    name: "memory_available",
    title: "available memory",
    reading: "share",
    of: [value(memory.memory.metric("MemAvailable", bytes))],
    per: [value(memory.memory.metric("MemTotal", bytes))],
    leastChange: 0.15,
    unit: "of 1",
    ...host,
    direction: -1,
  },
  {
    name: "network_errors",
    title: "rate of network errors",
    reading: "rate",
    of: [value(network.receiveErrors, interfaces), value(network.transmitErrors, interfaces)],
    leastChange: 0.5,
    unit: "/s",
    ...host,
    by: perDevice,
    confirmMilliseconds: minute,
  },
  {
    name: "disk_latency",
    title: "time per request",
    reading: "quotient",
    of: [value(disk.readSeconds, drives), value(disk.writeSeconds, drives)],
    per: [value(disk.readsCompleted, drives), value(disk.writesCompleted, drives)],
    leastChange: 0.02,
    unit: "s",
    ...host,
    by: perDevice,
  },
];
