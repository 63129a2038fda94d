/**
 * What the stand-in's GPUs are: numbers of our own making, plausible for each model, under the keys of the control file.
 * What a model can't do has no line, and the stand-in then says that it isn't supported.
 */

export type ProfileName = "h100" | "h200" | "a100" | "b200" | "t4" | "l40s";

export type ControlValues = Record<string, string | number | null>;

interface Model {
  readonly name: string;
  readonly architecture: number;
  readonly computeCapability: number;
  readonly memoryMebibytes: number;
  readonly powerWatts: number;
  readonly clocks: { readonly sm: number; readonly memory: number };
  readonly pcieGeneration: number;
  /** 0 where it has none. */
  readonly links: number;
  readonly nvlinkVersion: number;
  readonly linkMegabytes: number;
  readonly hasMemoryTemperature: boolean;
  readonly hasMig: boolean;
  readonly hasGpm: boolean;
  /** Thresholds are told as a distance to the limit, as on Hopper and later. */
  readonly hasLimitMargin: boolean;
  /** Spare rows, or retired pages on chips before Ampere. */
  readonly repairsRows: boolean;
  readonly engines: readonly ("jpeg" | "ofa")[];
}

const dataCenter = {
  hasMemoryTemperature: true,
  hasMig: true,
  repairsRows: true,
  engines: ["jpeg", "ofa"],
} as const;

const hopper = {
  ...dataCenter,
  architecture: 9,
  computeCapability: 90,
  powerWatts: 700,
  pcieGeneration: 5,
  links: 18,
  nvlinkVersion: 4,
  linkMegabytes: 26_562,
  hasGpm: true,
  hasLimitMargin: true,
} as const;

const models: Readonly<Record<ProfileName, Model>> = {
  h100: {
    ...hopper,
    name: "NVIDIA H100 80GB HBM3",
    memoryMebibytes: 81_559,
    clocks: { sm: 1980, memory: 2619 },
  },
  h200: {
    ...hopper,
    name: "NVIDIA H200",
    memoryMebibytes: 143_771,
    clocks: { sm: 1980, memory: 3201 },
  },
  b200: {
    ...hopper,
    name: "NVIDIA B200",
    architecture: 10,
    computeCapability: 100,
    memoryMebibytes: 183_359,
    powerWatts: 1000,
    clocks: { sm: 1965, memory: 3996 },
    nvlinkVersion: 5,
    linkMegabytes: 53_125,
  },
  a100: {
    ...dataCenter,
    name: "NVIDIA A100-SXM4-80GB",
    architecture: 7,
    computeCapability: 80,
    memoryMebibytes: 81_920,
    powerWatts: 400,
    clocks: { sm: 1410, memory: 1593 },
    pcieGeneration: 4,
    links: 12,
    nvlinkVersion: 3,
    linkMegabytes: 25_781,
    hasGpm: false,
    hasLimitMargin: false,
  },
  t4: {
    name: "Tesla T4",
    architecture: 6,
    computeCapability: 75,
    memoryMebibytes: 15_360,
    powerWatts: 70,
    clocks: { sm: 1590, memory: 5001 },
    pcieGeneration: 3,
    links: 0,
    nvlinkVersion: 0,
    linkMegabytes: 0,
    hasMemoryTemperature: false,
    hasMig: false,
    hasGpm: false,
    hasLimitMargin: false,
    repairsRows: false,
    engines: [],
  },
  l40s: {
    name: "NVIDIA L40S",
    architecture: 8,
    computeCapability: 89,
    memoryMebibytes: 46_068,
    powerWatts: 350,
    clocks: { sm: 2520, memory: 9001 },
    pcieGeneration: 4,
    links: 0,
    nvlinkVersion: 0,
    linkMegabytes: 0,
    hasMemoryTemperature: false,
    hasMig: false,
    hasGpm: false,
    hasLimitMargin: true,
    repairsRows: true,
    engines: ["jpeg", "ofa"],
  },
};

const mebibyte = 1_048_576;
/** XID, ECC errors, MIG changes, a GPU that became unavailable. */
const eventTypes = 0x1 | 0x2 | 0x8 | 0x100 | 0x4000 | 0x8000;

/** The lines of one whole GPU. Those at different indices differ a little, so that a mix-up shows. */
export function profileOf(name: ProfileName, index: number): ControlValues {
  const model = models[name];
  return {
    ...identityOf(name, model, index),
    ...loadOf(model, index),
    ...powerOf(model, index),
    ...heatOf(model, index),
    ...pcieOf(model, index),
    ...errorsOf(model),
    ...linksOf(model),
    ...gpmOf(model, index),
  };
}

export function uuidOf(index: number): string {
  return `GPU-5a1e0000-0000-4000-8000-${String(index).padStart(12, "0")}`;
}

export function pciBusIdOf(index: number): string {
  return `00000000:${(0x1b + 0x10 * index).toString(16).toUpperCase().padStart(2, "0")}:00.0`;
}

function identityOf(profile: ProfileName, model: Model, index: number): ControlValues {
  return {
    name: model.name,
    uuid: uuidOf(index),
    pci_bus_id: pciBusIdOf(index),
    serial: `165402${String(index).padStart(7, "0")}`,
    minor: index,
    vbios_version: `96.00.${profile.length}.00.0${index}`,
    inforom_image: "G520.0200.00.05",
    part_number: "692-2G520-0200-000",
    architecture: model.architecture,
    compute_capability: model.computeCapability,
    persistence_mode: 1,
    compute_mode: 0,
    virtualization_mode: 0,
    event_types: eventTypes,
    "accounting.mode": 0,
    "processes.compute": "",
    ...(model.hasMig ? { "mig.mode": 0, "mig.maximum": 7 } : {}),
    ...(model.nvlinkVersion >= 4
      ? { "fabric.state": 3, "fabric.health_mask": 0x2aa, "fabric.health_summary": 1 }
      : {}),
  };
}

function loadOf(model: Model, index: number): ControlValues {
  const total = model.memoryMebibytes * mebibyte;
  const engines = Object.fromEntries(model.engines.map((name) => [`utilization.${name}`, index]));
  return {
    "utilization.gpu": 90 + index,
    "utilization.memory": 40 + index,
    "utilization.encoder": 3,
    "utilization.decoder": 5,
    ...engines,
    "memory.total": total,
    "memory.reserved": 616 * mebibyte,
    "memory.used": (10_000 + 100 * index) * mebibyte,
    "bar1.total": 128 * mebibyte,
    "bar1.used": (3 + index) * mebibyte,
    performance_state: 0,
    "clock.0": model.clocks.sm - 15 * index,
    "clock.1": model.clocks.sm - 15 * index,
    "clock.2": model.clocks.memory,
    "clock.3": 1600,
    "clock_max.0": model.clocks.sm,
    "clock_max.1": model.clocks.sm,
    "clock_max.2": model.clocks.memory,
    "clock_max.3": 1800,
    "throttle.reasons": 0x4,
    "throttle.supported": 0x1ff,
    ...Object.fromEntries([74, 75, 76, 77, 78, 79].map((id) => [field(id), `u64 ${id * 1000} +0`])),
    ...(model.repairsRows
      ? Object.fromEntries([269, 270, 271].map((id) => [field(id), `u64 ${id * 1_000_000}`]))
      : {}),
  };
}

function powerOf(model: Model, index: number): ControlValues {
  const milliwatts = model.powerWatts * 1000;
  const drawn = Math.round(milliwatts * 0.8) + 1000 * index;
  return {
    power: drawn,
    "power.limit": milliwatts,
    "power.enforced_limit": milliwatts,
    "power.limit_min": milliwatts / 2,
    "power.limit_max": milliwatts,
    energy: `${1_000_000_000 + index} +${drawn}`,
    [field(83)]: `u64 ${1_000_000_000 + index} +${drawn}`,
    [field(186)]: `u32 ${drawn + 2000}`,
    [field(189)]: `u32 ${milliwatts}`,
    ...(model.architecture >= 8 ? { [field(185)]: `u32 ${drawn}` } : {}),
  };
}

function heatOf(model: Model, index: number): ControlValues {
  const thresholds = model.hasLimitMargin
    ? {
        temperature_margin: 40 - index,
        [field(193)]: "i32 -8",
        [field(194)]: "i32 -2",
        [field(195)]: "i32 0",
        [field(196)]: "i32 0",
      }
    : {
        "temperature_threshold.0": 95,
        "temperature_threshold.1": 92,
        "temperature_threshold.3": 85,
      };
  return {
    "temperature.0": 45 + index,
    ...thresholds,
    ...(model.hasMemoryTemperature ? { [field(82)]: `u32 ${60 + index}` } : {}),
  };
}

function pcieOf(model: Model, index: number): ControlValues {
  const counters = Object.fromEntries(
    [173, 174, 175, 176, 177, 178, 179, 180, 181, 182].map((id) => [field(id), "u32 0"]),
  );
  return {
    "pcie.generation": model.pcieGeneration,
    "pcie.generation_max": model.pcieGeneration,
    "pcie.width": 16,
    "pcie.width_max": 16,
    "pcie.replays": index,
    [field(94)]: `u32 ${index}`,
    ...(model.architecture >= 7
      ? { ...counters, [field(197)]: "u64 5000 +1000000", [field(198)]: "u64 7000 +2000000" }
      : {}),
  };
}

function errorsOf(model: Model): ControlValues {
  const counted = Object.fromEntries([3, 4, 5, 6].map((id) => [field(id), "u64 0"]));
  const repairs = model.repairsRows
    ? {
        [field(142)]: "u32 1",
        [field(143)]: "u32 0",
        [field(144)]: "u32 0",
        [field(145)]: "u32 0",
        "remap.corrected": 1,
        "remap.banks_max": 639,
        "remap.banks_high": 1,
      }
    : { [field(29)]: "u64 0", [field(30)]: "u64 0", [field(31)]: "u64 0" };
  return {
    "ecc.mode": 1,
    ...counted,
    ...eccLocations(),
    ...repairs,
    ...(model.architecture >= 9 ? { "sram.threshold_exceeded": 0, "repair.channel": 0 } : {}),
    ...(model.architecture >= 7 ? { [field(230)]: "u32 0" } : {}),
  };
}

/** DRAM and SRAM, corrected and uncorrected, volatile and aggregate. */
function eccLocations(): ControlValues {
  const keys = [0, 1].flatMap((type) =>
    [0, 1].flatMap((counter) => [2, 7].map((location) => `ecc.${type}.${counter}.${location}`)),
  );
  return Object.fromEntries(keys.map((key) => [key, 0]));
}

function linksOf(model: Model): ControlValues {
  if (model.links === 0) return {};
  const values: ControlValues = {
    [field(91)]: `u32 ${model.links}`,
    [field(90)]: `u32 ${model.linkMegabytes}`,
    [field(138, everyLink)]: "u64 1000 +500",
    [field(139, everyLink)]: "u64 2000 +700",
  };
  const errorFields =
    model.nvlinkVersion >= 5 ? [207, 208, 213, 214, 215, 219, 221] : [161, 162, 163];
  for (let link = 0; link < model.links; link += 1) {
    values[field(164, link)] = `u32 ${model.linkMegabytes}`;
    values[field(165, link)] = "u32 1";
    values[field(166, link)] = `u32 ${model.nvlinkVersion}`;
    values[field(138, link)] = "u64 100 +50";
    values[field(139, link)] = "u64 200 +70";
    for (const id of errorFields) values[field(id, link)] = "u64 0";
    if (model.nvlinkVersion >= 5)
      for (let bin = 0; bin < 16; bin += 1) values[field(235 + bin, link)] = "u64 0";
  }
  if (model.nvlinkVersion < 5) for (const id of [38, 45, 52, 59]) values[field(id)] = "u64 0";
  return values;
}

function gpmOf(model: Model, index: number): ControlValues {
  if (!model.hasGpm) return {};
  const percent = { 1: 97, 2: 95, 3: 42, 5: 61, 7: 60, 10: 55, 11: 1, 12: 12, 13: 7 };
  const rates = { 20: 900 + index, 21: 1200, 60: 30_000, 61: 31_000 };
  return {
    gpm: 1,
    ...Object.fromEntries(
      Object.entries({ ...percent, ...rates }).map(([id, value]) => [`gpm.${id}`, value]),
    ),
  };
}

/** The scope of a throughput field that is summed over the links. */
export const everyLink = 0xffffffff;

/** The key of a bulk field's value. */
export function field(id: number, scope = 0): string {
  return `field.${id}.${scope}`;
}
