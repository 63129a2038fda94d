/** The GPU models a fleet can be made of; limits from the makers' data sheets and from what `nvidia-smi -q` and `amd-smi` print. */

export const modelNames = ["H100", "H200", "A100", "B200", "MI300X"] as const;
export type ModelName = (typeof modelNames)[number];

export interface GpuModel {
  readonly vendor: "nvidia" | "amd";
  /** As the driver spells it. */
  readonly productName: string;
  readonly driverVersion: string;
  readonly memoryMebibytes: number;
  readonly powerLimitWatts: number;
  readonly idleWatts: number;
  readonly maximumClockMegahertz: number;
  /** The lowest clock under load. */
  readonly minimumClockMegahertz: number;
  readonly idleClockMegahertz: number;
  readonly memoryClockMegahertz: number;
  /** Above it the driver lowers clocks step by step. */
  readonly maximumOperatingCelsius: number;
  /** At it the hardware halves the clock. */
  readonly slowdownCelsius: number;
  /** At it the board switches itself off. */
  readonly shutdownCelsius: number;
  readonly memoryMaximumCelsius: number;
  readonly linkCount: number;
  /** Of one NVLink or xGMI link, each way. */
  readonly linkBytesPerSecond: number;
  readonly pcieGeneration: number;
  readonly pcieLanes: number;
  /** Heat sink to air at full air flow; from steady temperatures of air-cooled eight-GPU chassis. */
  readonly thermalResistanceKelvinPerWatt: number;
  readonly heatCapacityJoulesPerKelvin: number;
  /** The smallest MIG slice and how many fit; null where the chip has none. */
  readonly mig: { readonly profile: string; readonly instances: number } | null;
}

const hopper = {
  vendor: "nvidia",
  driverVersion: "580.95.05",
  powerLimitWatts: 700,
  idleWatts: 72,
  maximumClockMegahertz: 1980,
  minimumClockMegahertz: 210,
  idleClockMegahertz: 345,
  maximumOperatingCelsius: 87,
  slowdownCelsius: 89,
  shutdownCelsius: 95,
  memoryMaximumCelsius: 95,
  linkCount: 18,
  linkBytesPerSecond: 25e9,
  pcieGeneration: 5,
  pcieLanes: 16,
  thermalResistanceKelvinPerWatt: 0.055,
  heatCapacityJoulesPerKelvin: 600,
} as const;

export const gpuModels: Readonly<Record<ModelName, GpuModel>> = {
  H100: {
    ...hopper,
    productName: "NVIDIA H100 80GB HBM3",
    memoryMebibytes: 81_559,
    memoryClockMegahertz: 2619,
    mig: { profile: "1g.10gb", instances: 7 },
  },
  H200: {
    ...hopper,
    productName: "NVIDIA H200",
    memoryMebibytes: 143_771,
    idleWatts: 76,
    memoryClockMegahertz: 3201,
    mig: { profile: "1g.18gb", instances: 7 },
  },
  A100: {
    ...hopper,
    productName: "NVIDIA A100-SXM4-80GB",
    memoryMebibytes: 81_920,
    powerLimitWatts: 400,
    idleWatts: 58,
    maximumClockMegahertz: 1410,
    idleClockMegahertz: 210,
    memoryClockMegahertz: 1593,
    maximumOperatingCelsius: 85,
    slowdownCelsius: 89,
    shutdownCelsius: 92,
    linkCount: 12,
    pcieGeneration: 4,
    thermalResistanceKelvinPerWatt: 0.085,
    heatCapacityJoulesPerKelvin: 420,
    mig: { profile: "1g.10gb", instances: 7 },
  },
  B200: {
    ...hopper,
    productName: "NVIDIA B200",
    memoryMebibytes: 183_359,
    powerLimitWatts: 1000,
    idleWatts: 140,
    maximumClockMegahertz: 1965,
    minimumClockMegahertz: 120,
    idleClockMegahertz: 120,
    memoryClockMegahertz: 3996,
    slowdownCelsius: 90,
    linkBytesPerSecond: 50e9,
    thermalResistanceKelvinPerWatt: 0.038,
    heatCapacityJoulesPerKelvin: 850,
    mig: { profile: "1g.23gb", instances: 7 },
  },
  MI300X: {
    ...hopper,
    vendor: "amd",
    productName: "AMD Instinct MI300X OAM",
    driverVersion: "6.12.12",
    memoryMebibytes: 196_592,
    powerLimitWatts: 750,
    idleWatts: 135,
    maximumClockMegahertz: 2100,
    minimumClockMegahertz: 500,
    idleClockMegahertz: 132,
    memoryClockMegahertz: 1300,
    maximumOperatingCelsius: 95,
    slowdownCelsius: 100,
    shutdownCelsius: 110,
    memoryMaximumCelsius: 105,
    linkCount: 7,
    linkBytesPerSecond: 64e9,
    thermalResistanceKelvinPerWatt: 0.06,
    heatCapacityJoulesPerKelvin: 650,
    mig: null,
  },
};
