import { describe, expect, it } from "vitest";
import { createGpuColumns, throttleBits } from "../../simulator/columns.ts";
import { createHostState } from "../../simulator/host-columns.ts";
import { gpuModels, modelNames, type ModelName } from "../../simulator/models.ts";
import { placeInChassis, stepPhysics, type Chassis } from "../../simulator/physics.ts";
import { createRandomStreams } from "../../simulator/random.ts";

/** One chassis of eight equal GPUs without specimen spread, at rest in air of 25 °C. */
function createChassis(name: ModelName = "H100"): Chassis {
  const model = gpuModels[name];
  const random = createRandomStreams(1, "physics", 8);
  const gpus = createGpuColumns(model, 8, random);
  const { nodes: hosts } = createHostState(1, 8, createRandomStreams(1, "air", 1));
  for (const column of [gpus.leakage, gpus.efficiency, gpus.resistanceSpread]) column.fill(1);
  hosts.inletCelsius.fill(25);
  const chassis: Chassis = { model, gpus, hosts, gpusPerNode: 8, random };
  placeInChassis(chassis);
  return chassis;
}

function load(chassis: Chassis, share: number): void {
  chassis.gpus.demandBusy.fill(share > 0 ? 1 : 0);
  chassis.gpus.demandCompute.fill(share);
  chassis.gpus.demandMemory.fill(0.6 * share);
}

function run(chassis: Chassis, seconds: number, step = 1): void {
  for (let time = 0; time < seconds; time += step) stepPhysics(chassis, step);
}

describe("power, heat and clocks", () => {
  it.each([
    ["H100", 680, 713, 58, 72],
    ["H200", 680, 713, 58, 72],
    ["A100", 385, 407, 55, 70],
    ["B200", 970, 1018, 58, 72],
    ["MI300X", 725, 763, 60, 80],
  ] as const)(
    "brings a fully loaded %s to %i–%i W and %i–%i °C",
    (name, lowWatts, highWatts, lowCelsius, highCelsius) => {
      const chassis = createChassis(name);
      load(chassis, 1);
      run(chassis, 600);
      for (let gpu = 0; gpu < 8; gpu += 1) {
        expect(chassis.gpus.powerWatts[gpu]).toBeGreaterThan(lowWatts);
        expect(chassis.gpus.powerWatts[gpu]).toBeLessThan(highWatts);
        expect(chassis.gpus.dieCelsius[gpu]).toBeGreaterThan(lowCelsius);
        expect(chassis.gpus.dieCelsius[gpu]).toBeLessThan(highCelsius);
        expect(chassis.gpus.memoryCelsius[gpu]).toBeGreaterThan(chassis.gpus.dieCelsius[gpu]!);
        expect(chassis.gpus.memoryCelsius[gpu]).toBeLessThan(chassis.model.memoryMaximumCelsius);
      }
    },
  );

  it.each(modelNames)(
    "lets an idle %s rest near its idle power, cool and at its idle clock",
    (name) => {
      const chassis = createChassis(name);
      load(chassis, 0);
      run(chassis, 600);
      const { gpus, model } = chassis;
      expect(gpus.powerWatts[0]! / model.idleWatts).toBeGreaterThan(0.85);
      expect(gpus.powerWatts[0]! / model.idleWatts).toBeLessThan(1.1);
      expect(gpus.dieCelsius[0]).toBeLessThan(40);
      expect(gpus.smClockMegahertz[0]).toBe(model.idleClockMegahertz);
      expect(gpus.throttle[0]).toBe(throttleBits.gpu_idle);
    },
  );

  it("warms with the time constant of its thermal mass: 63 % of the way after R·C seconds", () => {
    const chassis = createChassis();
    const { gpus, hosts, model } = chassis;
    load(chassis, 0.5);
    // At a fixed fan speed R and C are constants, and the answer to a step in power is one exponential.
    gpus.preheatKelvin.fill(0);
    const resistance = model.thermalResistanceKelvinPerWatt * (0.35 + 0.65 / (0.2 + 0.8 * 0.6));
    const tau = resistance * model.heatCapacityJoulesPerKelvin;
    expect(tau).toBeGreaterThan(30);
    expect(tau).toBeLessThan(60);
    gpus.dieCelsius.fill(25);
    let watts = 0;
    for (let time = 0; time < Math.round(tau); time += 1) {
      hosts.fanRatio.fill(0.6);
      stepPhysics({ ...chassis, hosts }, 1);
      watts += gpus.powerWatts[0]! / Math.round(tau);
    }
    const rise = gpus.dieCelsius[0]! - 25;
    const steady = watts * resistance;
    expect(rise / steady).toBeGreaterThan(0.55);
    expect(rise / steady).toBeLessThan(0.72);
  });

  it("counts energy as the integral of power", () => {
    const chassis = createChassis();
    load(chassis, 0.7);
    let joules = 0;
    for (let step = 0; step < 900; step += 1) {
      stepPhysics(chassis, 1);
      joules += chassis.gpus.powerWatts[3]!;
    }
    expect(chassis.gpus.energyMillijoules[3]! / 1000 / joules).toBeCloseTo(1, 9);
  });

  it("holds the power limit by lowering the clock, and says so", () => {
    const chassis = createChassis();
    chassis.gpus.efficiency.fill(1.15);
    load(chassis, 1);
    run(chassis, 300);
    const { gpus, model } = chassis;
    expect(gpus.powerWatts[0]! / model.powerLimitWatts).toBeGreaterThan(0.96);
    expect(gpus.powerWatts[0]! / model.powerLimitWatts).toBeLessThan(1.04);
    expect(gpus.smClockMegahertz[0]).toBeLessThan(model.maximumClockMegahertz - 60);
    expect(gpus.smClockMegahertz[0]).toBeGreaterThan(model.maximumClockMegahertz * 0.7);
    expect(gpus.throttle[0]! & throttleBits.sw_power_cap).toBeTruthy();
  });

  it("throttles above the operating limit instead of cooking, and gets its clock back when it cools", () => {
    const chassis = createChassis();
    const { gpus, model } = chassis;
    load(chassis, 1);
    run(chassis, 300);
    const cold = gpus.smClockMegahertz[2]!;
    gpus.resistanceFactor[2] = 2.5;
    run(chassis, 900);
    expect(gpus.throttle[2]! & throttleBits.sw_thermal_slowdown).toBeTruthy();
    expect(gpus.smClockMegahertz[2]).toBeLessThan(0.85 * cold);
    // Whichever comes first, the die's limit or the memory's, is held.
    const over = Math.max(
      gpus.dieCelsius[2]! - model.maximumOperatingCelsius,
      gpus.memoryCelsius[2]! - model.memoryMaximumCelsius,
    );
    expect(over).toBeGreaterThan(-1);
    expect(over).toBeLessThan(model.slowdownCelsius - model.maximumOperatingCelsius);
    gpus.resistanceFactor[2] = 1;
    run(chassis, 900);
    expect(gpus.smClockMegahertz[2]).toBeGreaterThan(0.97 * cold);
    expect(gpus.throttle[2]! & throttleBits.sw_thermal_slowdown).toBe(0);
  });

  it("halves the clock in hardware at the slowdown temperature", () => {
    const chassis = createChassis();
    load(chassis, 1);
    run(chassis, 100);
    chassis.gpus.dieCelsius[1] = chassis.model.slowdownCelsius + 1;
    stepPhysics(chassis, 1);
    expect(chassis.gpus.throttle[1]! & throttleBits.hw_thermal_slowdown).toBeTruthy();
    expect(chassis.gpus.smClockMegahertz[1]).toBeLessThan(
      0.52 * chassis.model.maximumClockMegahertz,
    );
    expect(chassis.gpus.hardwareThermalSeconds[1]).toBe(1);
  });

  it("runs the rear slots warmer than the front ones, more so under load", () => {
    const idle = createChassis();
    load(idle, 0);
    run(idle, 600);
    const busy = createChassis();
    load(busy, 1);
    run(busy, 600);
    const gap = (chassis: Chassis): number =>
      chassis.gpus.dieCelsius[4]! - chassis.gpus.dieCelsius[0]!;
    expect(gap(busy)).toBeGreaterThan(3);
    expect(gap(busy)).toBeGreaterThan(gap(idle) + 2);
  });

  it("gives nearly the same temperatures in steps of 100 ms and of 10 s", () => {
    const fine = createChassis();
    const coarse = createChassis();
    load(fine, 0.6);
    load(coarse, 0.6);
    run(fine, 300, 0.1);
    run(coarse, 300, 10);
    expect(Math.abs(fine.gpus.dieCelsius[5]! - coarse.gpus.dieCelsius[5]!)).toBeLessThan(1);
  });
});
