/** Which files of an AMD GPU back which series: the kernel's "GPU Power/Thermal Controls and Monitoring" and "AMDGPU Driver Information" say what they hold. */
import { join } from "node:path";
import type { Device } from "../../../core/catalog/device.ts";
import * as amd from "../../../core/catalog/gpu-amd.ts";
import * as gpus from "../../../core/catalog/gpu.ts";
import * as neutral from "../../../core/catalog/gpu-neutral.ts";
import { gpuLabels, type GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import type { AlsoRead } from "../host/listed-entry.ts";
import type { Listing } from "../host/listed-reader.ts";
import { parseNumber } from "../host/value-file.ts";
import { linkCount, readTableField, readTableLink, violationKinds } from "./amdgpu-table.ts";
import type { Card } from "./drm-cards.ts";
import { listSensors, marginTo } from "./drm-sensors.ts";

export interface AmdGpu {
  readonly card: Card;
  readonly identity: GpuIdentity;
  readonly as: Device;
  readonly labels: LabelValues<neutral.NeutralLabel>;
  readonly exporterLabels: amd.AmdLabels;
}

const bytesPerMebibyte = 1_048_576;
const perMillion = 1e6;
const graphicsClass = "300";
const widestFan = 255;
/** The energy counter's unit is 2⁻¹⁶ joules. */
const countsPerJoule = 65_536;
const gigatransfersByGeneration = [2.5, 5, 8, 16, 32, 64] as const;

/** The driver's word for a sensor, ours, and the exporter's metric. */
const temperatures: readonly (readonly [
  string,
  neutral.TemperatureSensor,
  Metric<amd.AmdLabel>,
])[] = [
  ["junction", "hotspot", amd.junctionTemperature],
  ["edge", "core", amd.edgeTemperature],
  ["mem", "memory", amd.memoryTemperature],
];

/** The driver's word for a clock, ours, and the exporter's. */
const clocks = [
  ["sclk", "core", "system"],
  ["mclk", "memory", "memory"],
] as const;

export function listValues(listing: Listing, gpu: AmdGpu): void {
  const { device } = gpu.card;
  const { as, labels } = gpu;
  listing.value(join(device, "gpu_busy_percent"), neutral.utilization, labels, {
    device: as,
    divisor: 100,
    also: [exported(gpu, amd.graphicsActivity)],
  });
  listing.value(join(device, "mem_busy_percent"), amd.memoryActivity, gpu.exporterLabels, {
    device: as,
  });
  listMemory(listing, gpu);
  listLink(listing, gpu);
  const [hwmon] = listing.folder(join(device, "hwmon"), /^hwmon\d+$/);
  if (hwmon !== undefined) listSensorValues(listing, gpu, join(device, "hwmon", hwmon));
  // In what unit graphics cards count their energy differs by chip and is written nowhere.
  if (!gpu.card.pciClass.startsWith(graphicsClass)) listTable(listing, gpu);
}

function listMemory(listing: Listing, gpu: AmdGpu): void {
  const { device } = gpu.card;
  const read = (kind: string): number =>
    parseNumber(listing.text(join(device, `mem_info_${kind}_total`)));
  const size = read("vram");
  const mebibytes = (text: string): number => parseNumber(text) / bytesPerMebibyte;
  const leftOf = (total: number) => (text: string) => total / bytesPerMebibyte - mebibytes(text);
  if (!Number.isNaN(size)) {
    listing.fact(neutral.memoryTotal, gpu.labels, size, gpu.as);
    listing.fact(amd.totalVram, gpu.exporterLabels, size / bytesPerMebibyte, gpu.as);
  }
  listing.value(join(device, "mem_info_vram_used"), neutral.memoryUsed, gpu.labels, {
    device: gpu.as,
    also: [exported(gpu, amd.usedVram, mebibytes), exported(gpu, amd.freeVram, leftOf(size))],
  });
  for (const [kind, total, used, free] of [
    ["vis_vram", amd.totalVisibleVram, amd.usedVisibleVram, amd.freeVisibleVram],
    ["gtt", amd.totalGtt, amd.usedGtt, amd.freeGtt],
  ] as const) {
    const whole = read(kind);
    if (Number.isNaN(whole)) continue;
    listing.fact(total, gpu.exporterLabels, whole / bytesPerMebibyte, gpu.as);
    listing.value(join(device, `mem_info_${kind}_used`), used, gpu.exporterLabels, {
      device: gpu.as,
      divisor: bytesPerMebibyte,
      also: [exported(gpu, free, leftOf(whole))],
    });
  }
}

function listLink(listing: Listing, gpu: AmdGpu): void {
  const own = gpuLabels(gpu.identity);
  const ends = [
    ["current", gpus.pcieWidth, gpus.pcieGeneration, amd.pcieSpeed],
    ["max", gpus.pcieWidthMaximum, gpus.pcieGenerationMaximum, amd.pcieSpeedMaximum],
  ] as const;
  for (const [end, width, generation, speed] of ends) {
    const settled = { device: gpu.as, settled: true };
    listing.value(join(gpu.card.device, `${end}_link_width`), width, own, settled);
    listing.value(join(gpu.card.device, `${end}_link_speed`), generation, own, {
      ...settled,
      parse: generationOf,
      also: [exported(gpu, speed, gigatransfersOf)],
    });
  }
}

function listSensorValues(listing: Listing, gpu: AmdGpu, hwmon: string): void {
  const { as, labels } = gpu;
  const sensors = listSensors(listing, hwmon, "temp");
  let hasMargin = false;
  for (const [word, sensor, metric] of temperatures) {
    const name = sensors.get(word);
    if (name === undefined) continue;
    // The hottest place is what the firmware slows the GPU down for; older chips have the edge alone.
    const limit = parseNumber(listing.text(join(hwmon, `${name}_crit`)));
    const givesMargin: boolean = sensor !== "memory" && !hasMargin && limit > 0;
    hasMargin ||= givesMargin;
    listing.value(
      join(hwmon, `${name}_input`),
      neutral.temperature,
      { ...labels, sensor },
      {
        device: as,
        divisor: 1000,
        also: [
          exported(gpu, metric, (text) => parseNumber(text) / 1000),
          ...(givesMargin ? [marginTo(limit, gpu.identity, as)] : []),
        ],
      },
    );
  }
  listPower(listing, gpu, hwmon);
  const frequencies = listSensors(listing, hwmon, "freq");
  clocks.forEach(([word, domain, clock_type], index) => {
    const name = frequencies.get(word);
    if (name === undefined) return;
    const exporterLabels = { ...gpu.exporterLabels, clock_type, clock_index: String(index) };
    listing.value(
      join(hwmon, `${name}_input`),
      neutral.clock,
      { ...labels, domain },
      {
        device: as,
        also: [
          {
            declare: (slots) => slots.slot(amd.clock, exporterLabels, as),
            parse: (text) => parseNumber(text) / perMillion,
          },
        ],
      },
    );
  });
  // The duty is there without a fan, too: a server cools its GPUs by its own.
  if (listing.folder(hwmon, /^fan1_input$/).length > 0)
    listing.value(join(hwmon, "pwm1"), gpus.fan, gpuLabels(gpu.identity), {
      device: as,
      divisor: widestFan,
      settled: true,
    });
}

/** Some chips tell the power of the moment, some the mean, some both. */
function listPower(listing: Listing, gpu: AmdGpu, hwmon: string): void {
  const [file] = listing.folder(hwmon, /^power1_input$/);
  const [mean] = listing.folder(hwmon, /^power1_average$/);
  const watts = (text: string): number => parseNumber(text) / perMillion;
  const own = file === undefined ? amd.averagePackagePower : amd.packagePower;
  const chosen = file ?? mean;
  if (chosen !== undefined)
    listing.value(join(hwmon, chosen), neutral.power, gpu.labels, {
      device: gpu.as,
      divisor: perMillion,
      also: [exported(gpu, own, watts), exported(gpu, amd.powerUsage, watts)],
    });
  if (file !== undefined && mean !== undefined)
    listing.value(join(hwmon, mean), amd.averagePackagePower, gpu.exporterLabels, {
      device: gpu.as,
      divisor: perMillion,
    });
  listing.value(join(hwmon, "power1_cap"), gpus.powerLimit, gpuLabels(gpu.identity), {
    device: gpu.as,
    divisor: perMillion,
    settled: true,
  });
}

function listTable(listing: Listing, gpu: AmdGpu): void {
  const joules = (table: Buffer): number => readTableField(table, "energy") / countsPerJoule;
  const fields = [
    ["pcieReplays", amd.pcieReplays],
    ["pcieRecoveries", amd.pcieRecoveries],
    ["pcieRollovers", amd.pcieRollovers],
    ["pcieNaksSent", amd.pcieNaksSent],
    ["pcieNaksReceived", amd.pcieNaksReceived],
    ...violationKinds.map((kind) => [kind, amd.violations.metric(kind)] as const),
  ] as const;
  const links = Array.from({ length: linkCount }, (_, link) => link).flatMap((link) => {
    const labels = { ...gpu.exporterLabels, link_index: String(link) };
    return (
      [
        [amd.linkReceived, "linkRead"],
        [amd.linkTransmitted, "linkWritten"],
      ] as const
    ).map(([metric, direction]) => ({
      declare: (slots: Parameters<AlsoRead["declare"]>[0]) => slots.slot(metric, labels, gpu.as),
      parse: (table: Buffer) => readTableLink(table, link, direction),
    }));
  });
  listing.bytes(join(gpu.card.device, "gpu_metrics"), neutral.energy, gpu.labels, joules, {
    device: gpu.as,
    settled: true,
    also: [
      exported(gpu, amd.energyConsumed, (table: Buffer) => joules(table) * perMillion),
      ...fields.map(([field, metric]) =>
        exported(gpu, metric, (table: Buffer) => readTableField(table, field)),
      ),
      ...links,
    ],
  });
}

function exported<From = string>(
  gpu: AmdGpu,
  metric: Metric<amd.AmdLabel>,
  ...[parse]: [From] extends [string]
    ? [parse?: (from: string) => number]
    : [parse: (from: From) => number]
): AlsoRead<From> {
  return {
    declare: (slots) => slots.slot(metric, gpu.exporterLabels, gpu.as),
    parse: (parse ?? parseNumber) as (from: From) => number,
  };
}

/** `16.0 GT/s PCIe`; `Unknown` where there is no link. */
function gigatransfersOf(text: string): number {
  return Number(/^([\d.]+) GT\/s/.exec(text)?.[1] ?? Number.NaN);
}

function generationOf(text: string): number {
  const speed = gigatransfersOf(text);
  const place = gigatransfersByGeneration.findIndex((each) => each === speed);
  return place < 0 ? Number.NaN : place + 1;
}
