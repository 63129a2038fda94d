/**
 * One step of every GPU's power, heat and clock: load draws power, power heats a thermal mass, heat and caps hold the clock.
 * Dynamic power goes with voltage squared times clock; the thermal part is one RC element per heat sink, solved by the trapezoid rule.
 */
import { clamp } from "./arithmetic.ts";
import { throttleBits, type GpuColumns } from "./columns.ts";
import type { HostState } from "./host-columns.ts";
import type { GpuModel } from "./models.ts";
import type { RandomStreams } from "./random.ts";

export interface Chassis {
  readonly model: GpuModel;
  readonly gpus: GpuColumns;
  readonly hosts: HostState["nodes"];
  readonly gpusPerNode: number;
  readonly random: RandomStreams;
}

/** Full matrix load at the highest clock asks for more than the limit, so that a busy GPU runs at its power cap. */
const dynamicHeadroom = 1.12;
/** The share of the thermal resistance that no fan changes: die, paste, heat pipe. */
const conductiveShare = 0.35;
const memoryTauSeconds = 12;
const hardwareSlowdownHysteresisKelvin = 3;
const governorTauSeconds = 3;
const lowestThermalRatio = 0.2;

/** Air passes the front half of the board first; what it takes up there the rear half breathes. */
export function placeInChassis({ gpus, hosts, gpusPerNode }: Chassis): void {
  for (let gpu = 0; gpu < gpus.preheatKelvin.length; gpu += 1) {
    const index = gpu % gpusPerNode;
    gpus.preheatKelvin[gpu] = (index >= gpusPerNode / 2 ? 6 : 1) + 0.5 * (index % 4);
    gpus.inletCelsius[gpu] = hosts.inletCelsius[Math.floor(gpu / gpusPerNode)]!;
    gpus.dieCelsius[gpu] = gpus.inletCelsius[gpu]! + 8;
    gpus.memoryCelsius[gpu] = gpus.dieCelsius[gpu]!;
  }
}

export function stepPhysics(chassis: Chassis, seconds: number): void {
  const { gpus, hosts, gpusPerNode } = chassis;
  const nodeCount = hosts.fanRatio.length;
  for (let node = 0; node < nodeCount; node += 1) {
    const first = node * gpusPerNode;
    stepAir(chassis, node, seconds);
    const fan = hosts.fanRatio[node]!;
    for (let gpu = first; gpu < first + gpusPerNode; gpu += 1) {
      if (gpus.lost[gpu]! > 0) gpus.powerWatts[gpu] = 0;
      else stepPower(chassis, gpu, seconds);
      stepHeat(chassis, gpu, fan, seconds);
    }
  }
}

/** The chassis' fans follow its hottest GPU; the rear slots breathe what the front ones have warmed. */
function stepAir(chassis: Chassis, node: number, seconds: number): void {
  const { gpus, hosts, gpusPerNode, model } = chassis;
  const first = node * gpusPerNode;
  let hottest = 0;
  let watts = 0;
  for (let gpu = first; gpu < first + gpusPerNode; gpu += 1) {
    hottest = Math.max(hottest, gpus.dieCelsius[gpu]!);
    watts += gpus.powerWatts[gpu]!;
  }
  const wanted = clamp(0.35 + (hottest - (model.maximumOperatingCelsius - 40)) / 30, 0.3, 1);
  const fan = hosts.fanRatio[node]!;
  hosts.fanRatio[node] = fan + (wanted - fan) * Math.min(1, seconds / 8);
  const share = watts / (gpusPerNode * model.powerLimitWatts);
  const room = hosts.inletCelsius[node]!;
  for (let gpu = first; gpu < first + gpusPerNode; gpu += 1)
    gpus.inletCelsius[gpu] = room + gpus.preheatKelvin[gpu]! * share;
}

function stepPower(chassis: Chassis, gpu: number, seconds: number): void {
  const { gpus, model, random } = chassis;
  const heat = gpus.dieCelsius[gpu]! - 40;
  const leak = model.idleWatts * gpus.leakage[gpu]! * (1 + 0.005 * heat);
  const load =
    0.7 * gpus.demandCompute[gpu]! + 0.22 * gpus.demandMemory[gpu]! + 0.08 * gpus.demandBusy[gpu]!;
  const dynamic =
    (model.powerLimitWatts - model.idleWatts) * dynamicHeadroom * gpus.efficiency[gpu]! * load;
  const brake = gpus.powerBrake[gpu]! > 0;
  const slowed = updateThermalGovernor(chassis, gpu, seconds);
  const lowest = model.minimumClockMegahertz / model.maximumClockMegahertz;
  const ceiling = Math.max(
    lowest,
    gpus.thermalRatio[gpu]! * gpus.speedFactor[gpu]! * (slowed || brake ? 0.5 : 1),
  );
  const cap = model.powerLimitWatts - leak;
  const capped = dynamic * powerAtClock(ceiling) > cap;
  const ratio = capped ? clockForPower(cap / dynamic, lowest, ceiling) : ceiling;
  const idle = gpus.demandBusy[gpu]! <= 0;
  const watts = leak + dynamic * powerAtClock(ratio);
  gpus.powerWatts[gpu] = watts * (1 + 0.005 * random.normal(gpu));
  gpus.energyMillijoules[gpu]! += gpus.powerWatts[gpu] * seconds * 1000;
  gpus.clockRatio[gpu] = ratio;
  // Clocks move in steps of 15 MHz.
  gpus.smClockMegahertz[gpu] = idle
    ? model.idleClockMegahertz
    : Math.round((ratio * model.maximumClockMegahertz) / 15) * 15;
  countReasons(gpus, gpu, seconds, {
    idle,
    capped,
    slowed,
    brake,
    softThermal: gpus.thermalRatio[gpu]! < 0.995,
  });
}

/**
 * From a kelvin below the operating limits up to the slowdown temperature the driver takes the clock down,
 * in proportion and with a lag; returns whether the hardware halves it on top.
 */
function updateThermalGovernor(chassis: Chassis, gpu: number, seconds: number): boolean {
  const { gpus, model } = chassis;
  const die = gpus.dieCelsius[gpu]!;
  const over = Math.max(
    die - model.maximumOperatingCelsius,
    gpus.memoryCelsius[gpu]! - model.memoryMaximumCelsius,
  );
  const band = model.slowdownCelsius - model.maximumOperatingCelsius + 1;
  const wanted = clamp(1 - ((1 - lowestThermalRatio) * (over + 1)) / band, lowestThermalRatio, 1);
  const ratio = gpus.thermalRatio[gpu]!;
  gpus.thermalRatio[gpu] =
    ratio + (wanted - ratio) * Math.min(1, seconds / (governorTauSeconds + seconds / 2));
  if (die >= model.slowdownCelsius) gpus.hardwareSlowed[gpu] = 1;
  else if (die < model.slowdownCelsius - hardwareSlowdownHysteresisKelvin)
    gpus.hardwareSlowed[gpu] = 0;
  return gpus.hardwareSlowed[gpu]! > 0;
}

/** Dynamic power at a share of the highest clock: voltage falls with the clock down to a floor. */
function powerAtClock(ratio: number): number {
  const voltage = 0.55 + 0.45 * ratio;
  return ratio * voltage * voltage;
}

function clockForPower(share: number, lowest: number, highest: number): number {
  let low = lowest;
  let high = highest;
  for (let halving = 0; halving < 12; halving += 1) {
    const middle = (low + high) / 2;
    if (powerAtClock(middle) > share) high = middle;
    else low = middle;
  }
  return low;
}

interface Reasons {
  readonly idle: boolean;
  readonly capped: boolean;
  readonly slowed: boolean;
  readonly brake: boolean;
  readonly softThermal: boolean;
}

function countReasons(gpus: GpuColumns, gpu: number, seconds: number, reasons: Reasons): void {
  let bits = 0;
  if (reasons.idle) {
    bits |= throttleBits.gpu_idle;
    gpus.idleSeconds[gpu]! += seconds;
  }
  if (reasons.capped) {
    bits |= throttleBits.sw_power_cap;
    gpus.powerCapSeconds[gpu]! += seconds;
  }
  if (reasons.softThermal) {
    bits |= throttleBits.sw_thermal_slowdown;
    gpus.softwareThermalSeconds[gpu]! += seconds;
  }
  if (reasons.slowed) {
    bits |= throttleBits.hw_thermal_slowdown | throttleBits.hw_slowdown;
    gpus.hardwareThermalSeconds[gpu]! += seconds;
    gpus.hardwareSlowdownSeconds[gpu]! += seconds;
  }
  if (reasons.brake) {
    bits |= throttleBits.hw_power_brake_slowdown | throttleBits.hw_slowdown;
    gpus.powerBrakeSeconds[gpu]! += seconds;
    if (!reasons.slowed) gpus.hardwareSlowdownSeconds[gpu]! += seconds;
  }
  gpus.throttle[gpu] = bits;
}

function stepHeat(chassis: Chassis, gpu: number, fan: number, seconds: number): void {
  const { gpus, model } = chassis;
  const airflow = Math.max(0.05, fan * gpus.airflowFactor[gpu]!);
  const resistance =
    model.thermalResistanceKelvinPerWatt *
    gpus.resistanceSpread[gpu]! *
    gpus.resistanceFactor[gpu]! *
    (conductiveShare + (1 - conductiveShare) / (0.2 + 0.8 * airflow));
  const watts = gpus.powerWatts[gpu]!;
  const steady = gpus.inletCelsius[gpu]! + watts * resistance;
  const half = seconds / (2 * resistance * model.heatCapacityJoulesPerKelvin);
  const die = gpus.dieCelsius[gpu]!;
  gpus.dieCelsius[gpu] = (die * (1 - half) + 2 * half * steady) / (1 + half);
  const memorySteady =
    gpus.dieCelsius[gpu] + (gpus.lost[gpu]! > 0 ? 0 : 2 + 14 * gpus.demandMemory[gpu]!);
  const memory = gpus.memoryCelsius[gpu]!;
  const step = Math.min(1, seconds / (memoryTauSeconds + seconds / 2));
  gpus.memoryCelsius[gpu] = memory + (memorySteady - memory) * step;
  if (gpus.sensorStuck[gpu]! <= 0) gpus.sensorCelsius[gpu] = gpus.dieCelsius[gpu]!;
}
