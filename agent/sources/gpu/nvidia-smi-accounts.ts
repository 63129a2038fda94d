/**
 * What becomes of everything nvidia-smi says: a metric, a label, the same as something that is read elsewhere, or left
 * out for a reason. A name that ends in `*` stands for all that begin like it. Held against captures of real machines.
 */
import { identityNames, measuredFields, nameField } from "./nvidia-smi-fields.ts";
import { instanceFields, reportFields } from "./nvidia-smi-report-fields.ts";

export type Account = "metric" | "label" | "elsewhere" | "left out";

/** Paths of the report whose text goes into labels, or says what the values belong to. */
const reportLabels = [
  "uuid",
  "product_name",
  "serial",
  "vbios_version",
  "board_part_number",
  "inforom_version/img_version",
  "pci/pci_bus_id",
  "mig_devices/mig_device/index",
  "mig_devices/mig_device/gpu_instance_id",
  "processes/process_info/pid",
  "processes/process_info/type",
  "processes/process_info/gpu_instance_id",
  "processes/process_info/used_memory",
];

/** Paths of the report by the field of the CSV that tells the same every second. */
export const toldByFields: Readonly<Record<string, string>> = {
  fan_speed: "fan.speed",
  performance_state: "pstate",
  gpu_recovery_action: "gpu_recovery_action",
  "mig_mode/current_mig": "mig.mode.current",
  "fb_memory_usage/total": "memory.total",
  "fb_memory_usage/reserved": "memory.reserved",
  "fb_memory_usage/used": "memory.used",
  "fb_memory_usage/free": "memory.free",
  "utilization/gpu_util": "utilization.gpu",
  "utilization/memory_util": "utilization.memory",
  "utilization/encoder_util": "utilization.encoder",
  "utilization/decoder_util": "utilization.decoder",
  "utilization/jpeg_util": "utilization.jpeg",
  "utilization/ofa_util": "utilization.ofa",
  "clocks/sm_clock": "clocks.current.sm",
  "clocks/mem_clock": "clocks.current.memory",
  "clocks/video_clock": "clocks.current.video",
  "temperature/gpu_temp": "temperature.gpu",
  "temperature/gpu_temp_tlimit": "temperature.gpu.tlimit",
  "temperature/memory_temp": "temperature.memory",
  "gpu_power_readings/power_state": "pstate",
  "gpu_power_readings/average_power_draw": "power.draw",
  "gpu_power_readings/instant_power_draw": "power.draw.instant",
  "gpu_power_readings/current_power_limit": "enforced.power.limit",
  "module_power_readings/power_state": "pstate",
  "module_power_readings/instant_power_draw": "module.power.draw.instant",
  "pci/pci_gpu_link_info/pcie_gen/max_link_gen": "pcie.link.gen.max",
  "pci/pci_gpu_link_info/pcie_gen/current_link_gen": "pcie.link.gen.gpucurrent",
  "pci/pci_gpu_link_info/pcie_gen/device_current_link_gen": "pcie.link.gen.gpucurrent",
  "pci/pci_gpu_link_info/link_widths/max_link_width": "pcie.link.width.max",
  "pci/pci_gpu_link_info/link_widths/current_link_width": "pcie.link.width.current",
  "clocks_event_reasons/clocks_event_reason_display_clocks_setting": "clocks_event_reasons.active",
  "clocks_event_reasons/*": "clocks_event_reasons.gpu_idle",
  "clocks_throttle_reasons/*": "clocks_event_reasons.gpu_idle",
  "clocks_event_reasons_counters/*": "clocks_event_reasons_counters.sw_power_cap",
  "ecc_errors/aggregate/sram_threshold_exceeded":
    "ecc.errors.uncorrected.aggregate.sram.thresholdExceeded",
  "retired_pages/multiple_single_bit_retirement/retired_count":
    "retired_pages.single_bit_ecc.count",
  "retired_pages/double_bit_retirement/retired_count": "retired_pages.double_bit.count",
  "retired_pages/pending_retirement": "retired_pages.pending",
  "retired_pages/pending_blacklist": "retired_pages.pending",
  "remapped_rows/remapped_row_corr": "remapped_rows.correctable",
  "remapped_rows/remapped_row_unc": "remapped_rows.uncorrectable",
  "remapped_rows/remapped_row_pending": "remapped_rows.pending",
  "remapped_rows/remapped_row_failure": "remapped_rows.failure",
  "remapped_rows/row_remapper_histogram/*": "remapped_rows.histogram.max",
};

/** Fields of the CSV by the path of the report that tells the same every 15 s. */
export const toldByReport: Readonly<Record<string, string>> = {
  persistence_mode: "persistence_mode",
  compute_mode: "compute_mode",
  "ecc.mode.current": "ecc_mode/current_ecc",
  "ecc.mode.pending": "ecc_mode/pending_ecc",
  "power.limit": "gpu_power_readings/requested_power_limit",
  "power.default_limit": "gpu_power_readings/default_power_limit",
  "power.min_limit": "gpu_power_readings/min_power_limit",
  "power.max_limit": "gpu_power_readings/max_power_limit",
  "clocks.max.sm": "max_clocks/sm_clock",
  "clocks.max.memory": "max_clocks/mem_clock",
  "ecc.errors.corrected.volatile.*": "ecc_errors/volatile/dram_correctable",
  "ecc.errors.corrected.aggregate.*": "ecc_errors/aggregate/dram_correctable",
  "ecc.errors.uncorrected.volatile.*": "ecc_errors/volatile/dram_uncorrectable",
  "ecc.errors.uncorrected.aggregate.*": "ecc_errors/aggregate/dram_uncorrectable",
  "fabric.state": "fabric/state",
  "fabric.health.*": "fabric/health/summary",
};

interface LeftOut {
  readonly reason: string;
  readonly report: readonly string[];
  readonly fields: readonly string[];
}

const leftOut: readonly LeftOut[] = [
  {
    reason: "part of the PCI address, or what the host's own PCI files tell of the device",
    report: [
      "pci/pci_bus",
      "pci/pci_device",
      "pci/pci_domain",
      "pci/pci_base_class",
      "pci/pci_sub_class",
      "pci/pci_device_id",
      "pci/pci_sub_system_id",
      "pci/pci_bridge_chip/*",
      "pci/atomic_caps_*",
      "pci/pci_gpu_link_info/pcie_gen/max_device_link_gen",
      "pci/pci_gpu_link_info/pcie_gen/max_host_link_gen",
    ],
    fields: ["pci.*", "pcie.link.gen.current", "pcie.link.gen.gpumax", "pcie.link.gen.hostmax"],
  },
  {
    reason: "the GPU is asked for 20 ms to tell it, and then says what those 20 ms were like",
    report: ["pci/tx_util", "pci/rx_util"],
    fields: [],
  },
  {
    reason:
      "another name of the GPU, of its board or of its place; the UUID is what goes into labels",
    report: [
      "product_brand",
      "product_architecture",
      "minor_number",
      "pdi",
      "board_id",
      "multigpu_board",
      "gpu_part_number",
      "gpu_fru_part_number",
      "platformInfo/*",
      "inforom_version/oem_object",
      "inforom_version/ecc_object",
      "inforom_version/pwr_object",
      "gsp_firmware_version",
    ],
    fields: [
      "platform.*",
      "inforom.*",
      "compute_cap",
      "gsp.mode.*",
      "kmd_version",
      "timestamp",
      "hostname",
    ],
  },
  {
    reason:
      "of displays, of Windows, of machines with IBM processors, or of nothing a server is watched for",
    report: [
      "display_mode",
      "display_attached",
      "display_active",
      "driver_model/*",
      "ibmnpu/*",
      "gpu_operation_mode/*",
      "sparse_operation_mode",
      "addressing_mode",
      "edpp_multiplier",
      "voltage/*",
      "capabilities/*",
      "clock_policy/*",
      "inforom_bbx_flush/*",
      "fbc_stats/*",
    ],
    fields: ["display_*", "driver_model.*", "gom.*", "addressing_mode", "edpp_multiplier"],
  },
  {
    reason: "a setting that an operator makes and that changes neither health nor load",
    report: [
      "accounting_mode",
      "accounting_mode_buffer_size",
      "applications_clocks/*",
      "default_applications_clocks/*",
      "deferred_clocks/*",
      "max_customer_boost_clocks/*",
      "supported_clocks",
      "supported_clocks/*",
      "supported_gpu_target_temp/*",
      "temperature/gpu_target_temperature",
      "power_profiles/*",
      "power_smoothing",
      "power_smoothing/*",
      "mig_mode/pending_mig",
      "c2c_mode",
      "module_power_readings/*_power_limit",
    ],
    fields: [
      "accounting.*",
      "clocks.applications.*",
      "clocks.default_applications.*",
      "power.management",
      "power_smoothing.*",
      "mig.mode.pending",
      "c2c.mode",
      "module.power.limit",
      "module.enforced.power.limit",
      "module.power.*_limit",
      "clocks_event_reasons.supported",
    ],
  },
  {
    reason: "of virtual GPUs and encrypted ones, which are not watched yet",
    report: ["gpu_virtualization_mode/*", "cc_protected_memory_usage/*", "dram_encryption_mode/*"],
    fields: [
      "vgpu_driver_capability.*",
      "vgpu_device_capability.*",
      "protected_memory.*",
      "dramEncryption.*",
    ],
  },
  {
    reason: "encoding sessions, whose engine's load is read",
    report: ["encoder_stats/*"],
    fields: ["encoder.stats.*"],
  },
  {
    reason: "the same clock or power by another name or over another time",
    report: [
      "clocks/graphics_clock",
      "max_clocks/graphics_clock",
      "module_power_readings/average_power_draw",
      "gpu_memory_power_readings/*",
    ],
    fields: [
      "clocks.current.graphics",
      "clocks.max.graphics",
      "power.draw.average",
      "module.power.draw.average",
    ],
  },
  {
    reason: "a number of the fabric's own, told by who manages the fabric",
    report: [
      "fabric/status",
      "fabric/cliqueId",
      "fabric/clusterUuid",
      "fabric/health/partition_assigned",
    ],
    fields: [
      "fabric.status",
      "fabric.cliqueId",
      "fabric.clusterUuid",
      "fabric.health.partition_assigned",
    ],
  },
  {
    reason: "superseded: the driver says so itself, or gpu_recovery_action tells it",
    report: ["gpu_reset_status/*"],
    fields: [],
  },
  {
    reason: "rows that were replaced once and are no longer in use",
    report: ["remapped_rows/remapped_row_corr_inactive", "remapped_rows/remapped_row_unc_inactive"],
    fields: ["remapped_rows.correctable_inactive", "remapped_rows.uncorrectable_inactive"],
  },
  {
    reason: "lists without bound: addresses of pages, processes that have ended",
    report: [
      "retired_pages/*/retired_pagelist",
      "retired_pages/*/retired_pagelist/*",
      "accounted_processes",
      "accounted_processes/*",
    ],
    fields: [],
  },
  {
    reason: "of a MIG device, what its profile's name says or no metric tells by instance",
    report: [
      "mig_devices/mig_device/compute_instance_id",
      "mig_devices/mig_device/device_attributes/*",
      "mig_devices/mig_device/ecc_error_count/*",
      "mig_devices/mig_device/bar1_memory_usage/free",
    ],
    fields: [],
  },
  {
    reason: "total less used",
    report: ["bar1_memory_usage/free"],
    fields: [],
  },
  {
    reason: "/proc tells a process's name, and its GPU instance is enough to find its place",
    report: ["processes/process_info/process_name", "processes/process_info/compute_instance_id"],
    fields: [],
  },
  {
    reason: "the sum of what is told by place",
    report: ["ecc_errors/*/single_bit/total", "ecc_errors/*/double_bit/total"],
    fields: [],
  },
];

const reportMetrics = new Set([
  ...reportFields.map(({ path }) => path),
  ...instanceFields.map(({ path }) => `mig_devices/mig_device/${path}`),
]);
const leftOutOfReport = patternsOf(leftOut.flatMap(({ report }) => report));
const leftOutOfFields = patternsOf(leftOut.flatMap(({ fields }) => fields));
const byFields = patternsOf(Object.keys(toldByFields));
const byReport = patternsOf(Object.keys(toldByReport));
const known = [...reportMetrics, ...reportLabels, ...Object.keys(toldByFields)];
const fieldMetrics = new Set(measuredFields.flatMap(({ names }) => names));
const fieldLabels = new Set<string>([...identityNames, nameField]);

/** Undefined for an element that this version doesn't know. A list or group that holds no values is one too. */
export function accountOfPath(path: string): Account | undefined {
  if (reportMetrics.has(path)) return "metric";
  if (reportLabels.includes(path)) return "label";
  if (matches(byFields, path)) return "elsewhere";
  if (matches(leftOutOfReport, path)) return "left out";
  return known.some((each) => each.startsWith(`${path}/`)) ? "metric" : undefined;
}

/** Undefined for a field of the CSV that this version doesn't know. */
export function accountOfField(name: string): Account | undefined {
  if (fieldMetrics.has(name)) return "metric";
  if (fieldLabels.has(name)) return "label";
  if (matches(leftOutOfFields, name)) return "left out";
  return matches(byReport, name) ? "elsewhere" : undefined;
}

function matches(patterns: readonly RegExp[], name: string): boolean {
  return patterns.some((pattern) => pattern.test(name));
}

function patternsOf(names: readonly string[]): RegExp[] {
  return names.map((name) => {
    const [first = "", ...rest] = name
      .split("*")
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
    return new RegExp(`^${[first, ...rest].join(".*")}$`);
  });
}
