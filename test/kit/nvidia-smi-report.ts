/** Reports as `nvidia-smi -q -x` prints them, made up: elements by their path under the GPU. */

export interface FakeReportGpu {
  readonly place: string;
  readonly elements: Readonly<Record<string, string>>;
  /** Markup that stands under the GPU as it is. */
  readonly markup?: string;
}

export function reportUuid(index: number): string {
  return `GPU-${index}aaaaaaa-0000-4000-8000-000000000000`;
}

/** A healthy GPU of the thirteenth document type. */
export function reportGpu(
  index: number,
  changes: Readonly<Record<string, string>> = {},
  markup = "",
): FakeReportGpu {
  const place = `00000000:0${index}:00.0`;
  const histogram = "remapped_rows/row_remapper_histogram/row_remapper_histogram";
  return {
    place,
    markup,
    elements: {
      product_name: "NVIDIA H100 80GB HBM3",
      persistence_mode: "Enabled",
      "mig_mode/current_mig": "Disabled",
      serial: `165000000000${index}`,
      uuid: reportUuid(index),
      minor_number: String(index),
      vbios_version: "96.00.A5.00.01",
      board_part_number: "692-2G520-0200-000",
      "inforom_version/img_version": "G520.0200.00.05",
      "pci/pci_bus_id": place,
      "pci/replay_counter": "150",
      "pci/replay_rollover_counter": "2",
      "pci/tx_util": "502 KB/s",
      "bar1_memory_usage/total": "131072 MiB",
      "bar1_memory_usage/used": "17 MiB",
      compute_mode: "Exclusive_Process",
      "ecc_mode/current_ecc": "Enabled",
      "ecc_mode/pending_ecc": "Disabled",
      "ecc_errors/volatile/sram_correctable": "3",
      "ecc_errors/volatile/sram_uncorrectable_parity": "4",
      "ecc_errors/volatile/sram_uncorrectable_secded": "5",
      "ecc_errors/volatile/dram_correctable": "6",
      "ecc_errors/volatile/dram_uncorrectable": "0",
      "ecc_errors/aggregate/dram_uncorrectable": "8",
      "ecc_errors/aggregate_uncorrectable_sram_sources/sram_microcontroller": "1",
      "ecc_errors/channel_repair_pending": "Yes",
      "ecc_errors/tpc_repair_pending": "No",
      "remapped_rows/remapped_row_unc": "1",
      [`${histogram}_max`]: "2560 bank(s)",
      "temperature/gpu_temp": "52 C",
      "temperature/gpu_temp_max_tlimit_threshold": "-8 C",
      "temperature/gpu_temp_slow_tlimit_threshold": "-2 C",
      "gpu_power_readings/average_power_draw": "627.40 W",
      "gpu_power_readings/requested_power_limit": "650.00 W",
      "gpu_power_readings/max_power_limit": "700.00 W",
      "module_power_readings/max_power_limit": "N/A",
      "clocks/sm_clock": "1755 MHz",
      "max_clocks/sm_clock": "1980 MHz",
      "fabric/state": "Completed",
      "fabric/health/summary": "Unhealthy",
      "fabric/health/bandwidth": "Degraded",
      "fabric/health/route_unhealthy": "False",
      "fabric/health/incorrect_configuration": "None",
      processes: "",
      ...changes,
    },
  };
}

/** A MIG device's markup. */
export function reportInstance(index: number, gpuInstance: number, mebibytes: number): string {
  return `<mig_device><index>${index}</index><gpu_instance_id>${gpuInstance}</gpu_instance_id><compute_instance_id>0</compute_instance_id>
<ecc_error_count><volatile_count><sram_uncorrectable>0</sram_uncorrectable></volatile_count></ecc_error_count>
<fb_memory_usage><total>${mebibytes} MiB</total><reserved>0 MiB</reserved><used>9 MiB</used><free>${mebibytes - 9} MiB</free></fb_memory_usage>
<bar1_memory_usage><total>6184 MiB</total><used>1 MiB</used><free>6183 MiB</free></bar1_memory_usage></mig_device>`;
}

export function reportProcess(
  pid: number,
  type: string,
  memory: string,
  gpuInstance = "N/A",
  name = "python3",
): string {
  return `<process_info><gpu_instance_id>${gpuInstance}</gpu_instance_id><compute_instance_id>N/A</compute_instance_id><pid>${pid}</pid><type>${type}</type><process_name>${name}</process_name><used_memory>${memory}</used_memory></process_info>`;
}

export function reportXml(gpus: readonly FakeReportGpu[], documentType = "v13"): string {
  return [
    '<?xml version="1.0" ?>',
    `<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_${documentType}.dtd">`,
    "<nvidia_smi_log>",
    "\t<timestamp>Fri Aug 21 08:54:01 2026</timestamp>",
    "\t<driver_version>580.105.08</driver_version>",
    `\t<attached_gpus>${gpus.length}</attached_gpus>`,
    ...gpus.map(
      ({ place, elements, markup = "" }) =>
        `\t<gpu id="${place}">\n${nest(elements)}\n${markup}\n\t</gpu>`,
    ),
    "</nvidia_smi_log>\n",
  ].join("\n");
}

function nest(elements: Readonly<Record<string, string>>): string {
  const groups = new Map<string, Record<string, string>>();
  const lines: string[] = [];
  for (const [path, text] of Object.entries(elements)) {
    const [first = "", ...rest] = path.split("/");
    if (rest.length === 0) lines.push(`<${first}>\n\t${text}\n</${first}>`);
    else groups.set(first, { ...groups.get(first), [rest.join("/")]: text });
  }
  for (const [name, inner] of groups) lines.push(`<${name}>\n${nest(inner)}\n</${name}>`);
  return lines.join("\n");
}
