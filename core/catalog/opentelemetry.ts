/**
 * Which of our metrics OpenTelemetry's semantic conventions have a name for (open-telemetry/semantic-conventions 1.44: hw, system),
 * and what becomes of their labels. Only where both mean the same number: nothing is computed here.
 */

export interface Semantic {
  readonly name: string;
  /** In UCUM's codes. */
  readonly unit: string;
  readonly instrument: "counter" | "updowncounter" | "gauge";
  /** Label → attribute; a label that isn't named keeps its name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** What our name says and theirs leaves to attributes. */
  readonly added: Readonly<Record<string, string>>;
  /** Attribute → our value → theirs. */
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

type Labels = Readonly<Record<string, string>>;

/** The semantic name of the metric with this Prometheus name, or null. */
export function semanticOf(name: string): Semantic | null {
  return semantics.get(name) ?? null;
}

function define(
  instrument: Semantic["instrument"],
  name: string,
  unit: string,
  attributes: Labels,
  added: Labels = {},
  values: Semantic["values"] = {},
): Semantic {
  return { name, unit, instrument, attributes, added, values };
}

const gpu: Labels = { UUID: "hw.id", vendor: "hw.vendor", modelName: "hw.model" };
const isGpu: Labels = { "hw.type": "gpu" };
const disk: Labels = { device: "system.device" };
const volume: Labels = {
  device: "system.device",
  fstype: "system.filesystem.type",
  mountpoint: "system.filesystem.mountpoint",
};
const networkInterface: Labels = { device: "network.interface.name" };

function diskOf(name: string, unit: string, direction: "read" | "write"): Semantic {
  return define("counter", name, unit, disk, { "disk.io.direction": direction });
}

function networkOf(
  name: string,
  unit: string,
  direction: "receive" | "transmit",
  attributes: Labels = networkInterface,
): Semantic {
  return define("counter", name, unit, attributes, { "network.io.direction": direction });
}

function memoryOf(state: string): Semantic {
  const added = { "system.memory.state": state };
  return define("updowncounter", "system.memory.usage", "By", {}, added);
}

function slabOf(state: string): Semantic {
  const added = { "system.memory.linux.slab.state": state };
  return define("updowncounter", "system.memory.linux.slab.usage", "By", {}, added);
}

function hugePagesOf(part: string): Semantic {
  return define("updowncounter", `system.memory.linux.hugepages.${part}`, "{page}", {});
}

const semantics: ReadonlyMap<string, Semantic> = new Map([
  [
    "warpwatch_gpu_utilization_ratio",
    define("gauge", "hw.gpu.utilization", "1", gpu, { "hw.gpu.task": "general" }),
  ],
  ["warpwatch_gpu_memory_used_bytes", define("updowncounter", "hw.gpu.memory.usage", "By", gpu)],
  ["warpwatch_gpu_memory_total_bytes", define("updowncounter", "hw.gpu.memory.limit", "By", gpu)],
  ["warpwatch_gpu_power_watts", define("gauge", "hw.power", "W", gpu, isGpu)],
  ["warpwatch_gpu_energy_joules_total", define("counter", "hw.energy", "J", gpu, isGpu)],
  [
    "warpwatch_gpu_temperature_celsius",
    define("gauge", "hw.temperature", "Cel", { ...gpu, sensor: "hw.sensor_location" }, isGpu),
  ],
  [
    "warpwatch_gpu_errors_total",
    define("counter", "hw.errors", "{error}", { ...gpu, kind: "error.type" }, isGpu),
  ],
  [
    "node_cpu_seconds_total",
    define(
      "counter",
      "system.cpu.time",
      "s",
      { cpu: "cpu.logical_number", mode: "cpu.mode" },
      {},
      { "cpu.mode": { irq: "interrupt" } },
    ),
  ],
  ["node_forks_total", define("counter", "system.process.created", "{process}", {})],
  ["node_memory_MemTotal_bytes", define("updowncounter", "system.memory.limit", "By", {})],
  [
    "node_memory_MemAvailable_bytes",
    define("updowncounter", "system.memory.linux.available", "By", {}),
  ],
  ["node_memory_Shmem_bytes", define("updowncounter", "system.memory.linux.shared", "By", {})],
  ["node_memory_MemFree_bytes", memoryOf("free")],
  ["node_memory_Buffers_bytes", memoryOf("buffers")],
  ["node_memory_Cached_bytes", memoryOf("cached")],
  ["node_memory_SReclaimable_bytes", slabOf("reclaimable")],
  ["node_memory_SUnreclaim_bytes", slabOf("unreclaimable")],
  ["node_memory_HugePages_Total", hugePagesOf("limit")],
  ["node_memory_HugePages_Rsvd", hugePagesOf("reserved")],
  ["node_memory_HugePages_Surp", hugePagesOf("surplus")],
  [
    "node_memory_Hugepagesize_bytes",
    define("updowncounter", "system.memory.linux.hugepages.page_size", "By", {}),
  ],
  ["node_disk_read_bytes_total", diskOf("system.disk.io", "By", "read")],
  ["node_disk_written_bytes_total", diskOf("system.disk.io", "By", "write")],
  ["node_disk_reads_completed_total", diskOf("system.disk.operations", "{operation}", "read")],
  ["node_disk_writes_completed_total", diskOf("system.disk.operations", "{operation}", "write")],
  ["node_disk_reads_merged_total", diskOf("system.disk.merged", "{operation}", "read")],
  ["node_disk_writes_merged_total", diskOf("system.disk.merged", "{operation}", "write")],
  ["node_disk_read_time_seconds_total", diskOf("system.disk.operation_time", "s", "read")],
  ["node_disk_write_time_seconds_total", diskOf("system.disk.operation_time", "s", "write")],
  ["node_disk_io_time_seconds_total", define("counter", "system.disk.io_time", "s", disk)],
  ["node_filesystem_size_bytes", define("updowncounter", "system.filesystem.limit", "By", volume)],
  [
    "node_filesystem_free_bytes",
    define("updowncounter", "system.filesystem.usage", "By", volume, {
      "system.filesystem.state": "free",
    }),
  ],
  ["node_network_receive_bytes_total", networkOf("system.network.io", "By", "receive")],
  ["node_network_transmit_bytes_total", networkOf("system.network.io", "By", "transmit")],
  [
    "node_network_receive_packets_total",
    networkOf("system.network.packet.count", "{packet}", "receive", disk),
  ],
  [
    "node_network_transmit_packets_total",
    networkOf("system.network.packet.count", "{packet}", "transmit", disk),
  ],
  ["node_network_receive_errs_total", networkOf("system.network.errors", "{error}", "receive")],
  ["node_network_transmit_errs_total", networkOf("system.network.errors", "{error}", "transmit")],
  [
    "node_network_receive_drop_total",
    networkOf("system.network.packet.dropped", "{packet}", "receive"),
  ],
  [
    "node_network_transmit_drop_total",
    networkOf("system.network.packet.dropped", "{packet}", "transmit"),
  ],
]);
