/** An eight-way MI300X server: cards, sensors, error counts and the binary table as the driver amdgpu of Linux 6.8 with ROCm 6.2 shows them. */
import { linesIn, linkTo, type HostTree } from "./tree.ts";

export const amdGpus = 8;
const gibibyte = 2 ** 30;
/** The blocks that count errors on this chip. */
const amdBlocks = ["umc", "sdma", "gfx", "mmhub", "pcie_bif", "xgmi_wafl"] as const;

/** `0000:0c:00.0` and upwards, as the eight stand on the bus. */
function amdAddress(gpu: number): string {
  return `0000:${(0x0c + gpu * 0x10).toString(16).padStart(2, "0")}:00.0`;
}

export function amdCard(gpu: number): string {
  // The first card is the management controller's.
  return `sys/class/drm/card${gpu + 1}/device`;
}

export function amdServer(): HostTree {
  const trees = Array.from({ length: amdGpus }, (_, gpu) => gpuFiles(gpu));
  return {
    "sys/devices/system": null,
    "sys/module/amdgpu/version": "6.8.5\n",
    ...linesIn("sys/class/drm/card0/device", {
      uevent: "DRIVER=ast\nPCI_CLASS=30000\nPCI_ID=1A03:2000\nPCI_SLOT_NAME=0000:03:00.0",
    }),
    ...Object.assign({}, ...trees),
  };
}

/** The same in every one, but for what is counted up by the GPU's number. */
function gpuFiles(gpu: number): HostTree {
  const card = amdCard(gpu);
  const hwmon = `${card}/hwmon/hwmon${gpu + 4}`;
  return {
    [`sys/class/drm/card${gpu + 1}-Unknown-1`]: null,
    ...linesIn(card, {
      uevent: `DRIVER=amdgpu\nPCI_CLASS=120000\nPCI_ID=1002:74A1\nPCI_SUBSYS_ID=1002:74A1\nPCI_SLOT_NAME=${amdAddress(gpu)}`,
      vendor: "0x1002",
      unique_id: `5e1d00000000000${gpu}`,
      product_name: "AMD Instinct MI300X OAM",
      product_number: "102-G30211-0C",
      serial_number: `69233301008${gpu}`,
      vbios_version: "113-M3000100-102",
      current_compute_partition: "SPX",
      current_memory_partition: "NPS1",
      gpu_busy_percent: 90 + gpu,
      mem_busy_percent: 40 + gpu,
      mem_info_vram_total: 192 * gibibyte,
      mem_info_vram_used: (64 + gpu) * gibibyte,
      mem_info_vis_vram_total: 192 * gibibyte,
      mem_info_vis_vram_used: (64 + gpu) * gibibyte,
      mem_info_gtt_total: 512 * gibibyte,
      mem_info_gtt_used: gibibyte / 2,
      current_link_speed: "32.0 GT/s PCIe",
      current_link_width: 16,
      max_link_speed: "32.0 GT/s PCIe",
      max_link_width: 16,
    }),
    ...linesIn(hwmon, {
      name: "amdgpu",
      freq1_input: (2100 - gpu) * 1e6,
      freq1_label: "sclk",
      freq2_input: 1300e6,
      freq2_label: "mclk",
      power1_input: (700 + gpu) * 1e6,
      power1_cap: 750e6,
      power1_label: "PPT",
      pwm1: 0,
      temp2_input: 71_000 + gpu * 1000,
      temp2_label: "junction",
      temp2_crit: 100_000,
      temp2_emergency: 105_000,
      temp3_input: 52_000,
      temp3_label: "mem",
      temp3_crit: 105_000,
    }),
    ...Object.fromEntries(
      amdBlocks.map((block, place) => [
        `${card}/ras/${block}_err_count`,
        `ue: ${block === "umc" ? gpu : 0}\nce: ${place}\nde: 0\n`,
      ]),
    ),
    [`${card}/ras/features`]: "feature mask: 0x0\n",
    [`${card}/gpu_metrics`]: metricsTable(gpu),
    [`${card}/driver`]: linkTo("../../../../bus/pci/drivers/amdgpu"),
  };
}

/** Revision 1.7 of the table, 2208 bytes; what the firmware didn't fill in is all ones. */
export function metricsTable(gpu: number): Buffer {
  const table = Buffer.alloc(2208, 0xff);
  table.writeUInt16LE(table.length, 0);
  table.writeUInt8(1, 2);
  table.writeUInt8(7, 3);
  // Half a million joules in units of 2⁻¹⁶ J.
  table.writeBigUInt64LE(500_000n * 65_536n, 24);
  table.writeUInt32LE(12, 48);
  table.writeBigUInt64LE(3n, 104);
  table.writeBigUInt64LE(BigInt(gpu), 112);
  table.writeBigUInt64LE(0n, 120);
  table.writeUInt32LE(5, 128);
  table.writeBigUInt64LE(1_000_000n, 136);
  table.writeBigUInt64LE(2_000_000n, 200 + 8);
  return table;
}
