import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createFleet, type Fleet } from "../../simulator/fleet.ts";
import type { FleetOptions } from "../../simulator/fleet-options.ts";
import { modelNames } from "../../simulator/models.ts";
import { builtInScenario, parseScenario } from "../../simulator/script.ts";

const start = 1_700_000_000_000;
const minute = 60_000;

function fleetOf(options: Partial<FleetOptions> = {}): Fleet {
  return createFleet({ seed: 1, nodes: 2, model: "H100", startMilliseconds: start, ...options });
}

/** Every byte of the state, and every event. */
function fingerprint(fleet: Fleet): string {
  const hash = createHash("sha256");
  const { nodes, nics, mounts } = fleet.host;
  for (const group of [fleet.gpus, nodes, nics, mounts])
    for (const [name, column] of Object.entries(group)) hash.update(name).update(column);
  hash.update(JSON.stringify(fleet.nodes));
  hash.update(JSON.stringify(fleet.nodes.map((_, node) => fleet.drainEvents(node))));
  hash.update(JSON.stringify(fleet.labels()));
  return hash.digest("hex");
}

function mean(column: Float64Array): number {
  return column.reduce((sum, value) => sum + value, 0) / column.length;
}

describe("a synthetic fleet", () => {
  it("has the same bytes for the same seed and others for another", () => {
    const run = (seed: number): string => {
      const fleet = fleetOf({ seed, scenario: builtInScenario("demo") });
      fleet.step(start + 12 * minute);
      return fingerprint(fleet);
    };
    expect(run(42)).toBe(run(42));
    expect(run(43)).not.toBe(run(42));
  });

  it("has the same state at a moment, however time was cut up on the way there", () => {
    const scenario = builtInScenario("demo");
    const whole = fleetOf({ scenario });
    whole.step(start + 10 * minute);
    const pieces = fleetOf({ scenario });
    for (let time = start; time < start + 10 * minute; time += 777) pieces.step(time);
    pieces.step(start + 10 * minute);
    pieces.step(start);
    expect(fingerprint(pieces)).toBe(fingerprint(whole));
  });

  it("keeps one node's state whatever breaks on another that shares no job with it", () => {
    const script = (faults: string) => parseScenario(`workload: inference\n${faults}`, "test");
    const sound = fleetOf({ scenario: script("") });
    const struck = fleetOf({
      scenario: script("faults: [{ at: 5s, node: 1, gpu: 0, kind: gpu_off_bus }]"),
    });
    sound.step(start + 2 * minute);
    struck.step(start + 2 * minute);
    expect([...struck.gpus.powerWatts.subarray(0, 8)]).toEqual([
      ...sound.gpus.powerWatts.subarray(0, 8),
    ]);
    expect(struck.gpus.lost[8]).toBe(1);
    expect(struck.gpus.tenants[8]).toBe(0);
  });

  it.each(modelNames)("never leaves the bounds of a %s in two hours of mixed work", (model) => {
    const fleet = fleetOf({ model, nodes: 4 });
    const { gpus } = fleet;
    let previous = Float64Array.from(gpus.energyMillijoules);
    const broken: string[] = [];
    for (let time = start; time <= start + 120 * minute; time += 10_000) {
      fleet.step(time);
      for (let gpu = 0; gpu < gpus.lost.length; gpu += 1) {
        const sound =
          gpus.dieCelsius[gpu]! > 18 &&
          gpus.dieCelsius[gpu]! < fleet.model.slowdownCelsius &&
          gpus.powerWatts[gpu]! > 0.4 * fleet.model.idleWatts &&
          gpus.powerWatts[gpu]! < 1.03 * fleet.model.powerLimitWatts &&
          gpus.utilizationPercent[gpu]! <= 100 &&
          gpus.memoryUsedMebibytes[gpu]! < fleet.model.memoryMebibytes &&
          gpus.energyMillijoules[gpu]! >= previous[gpu]!;
        if (!sound) broken.push(`GPU ${gpu} after ${(time - start) / 1000} s`);
      }
      previous = Float64Array.from(gpus.energyMillijoules);
    }
    expect(broken).toEqual([]);
    expect(mean(gpus.lost)).toBe(0);
    expect(fleet.labels()).toEqual([]);
  });

  it("moves all GPUs of a training job in step, NVLink and rails with the collectives", () => {
    const fleet = fleetOf({ scenario: parseScenario("workload: training", "test") });
    const tensor: number[][] = [[], [], []];
    const links: number[] = [];
    const rails: number[] = [];
    for (let second = 1; second <= 600; second += 1) {
      fleet.step(start + second * 1000);
      for (const [list, gpu] of [0, 5, 15].entries())
        tensor[list]!.push(fleet.gpus.tensorRatio[gpu]!);
      links.push(fleet.gpus.demandLink[0]!);
      rails.push(fleet.gpus.demandNetwork[0]!);
    }
    expect(correlation(tensor[0]!, tensor[1]!)).toBeGreaterThan(0.95);
    expect(correlation(tensor[0]!, tensor[2]!)).toBeGreaterThan(0.95);
    expect(correlation(links, rails)).toBeGreaterThan(0.9);
    expect(correlation(tensor[0]!, rails)).toBeLessThan(-0.5);
  });

  it("lets inference follow the day", () => {
    const fleet = fleetOf({
      nodes: 8,
      scenario: parseScenario("workload: inference", "test"),
      stepMilliseconds: 5000,
    });
    const hours: number[] = [];
    for (let hour = 1; hour <= 24; hour += 1) {
      let sum = 0;
      for (let part = 0; part < 12; part += 1) {
        fleet.step(start + (hour - 1) * 60 * minute + (part + 1) * 5 * minute);
        sum += mean(fleet.gpus.utilizationPercent) / 12;
      }
      hours.push(sum);
    }
    expect(Math.max(...hours) - Math.min(...hours)).toBeGreaterThan(25);
  });

  it("keeps most of a mixed fleet at work as jobs come and go", () => {
    const fleet = fleetOf({ nodes: 16, stepMilliseconds: 10_000 });
    const taken: number[] = [];
    for (let hour = 1; hour <= 48; hour += 1) {
      fleet.step(start + hour * 60 * minute);
      taken.push(mean(fleet.gpus.tenants));
    }
    expect(Math.min(...taken)).toBeGreaterThan(0.4);
    expect(mean(Float64Array.from(taken))).toBeGreaterThan(0.65);
    expect(new Set(taken).size).toBeGreaterThan(3);
  });

  it("splits GPUs into slices with services of their own when MIG is on", () => {
    const fleet = fleetOf({ mig: true, scenario: parseScenario("workload: inference", "test") });
    fleet.step(start + 5 * minute);
    expect([...fleet.gpus.tenants]).toEqual(Array.from({ length: 16 }, () => 7));
    expect(mean(fleet.gpus.demandMemoryFill)).toBeGreaterThan(0.75);
    expect(Math.max(...fleet.gpus.demandMemoryFill)).toBeLessThan(1);
  });

  it("runs simulated time faster by the script's time_scale and reports in the caller's time", () => {
    const fleet = fleetOf({
      scenario: parseScenario(
        "time_scale: 3600\nfaults: [{ at: 1h, node: 0, gpu: 0, kind: xid, code: 13 }]",
        "test",
      ),
    });
    fleet.step(start + 900);
    expect(fleet.drainEvents(0)).toEqual([]);
    fleet.step(start + 1000);
    expect(fleet.timeMilliseconds).toBe(start + 1000);
    expect(fleet.drainEvents(0).map((event) => event.timeMilliseconds)).toEqual([start + 1000]);
    expect(fleet.host.nodes.upSeconds[0]).toBeCloseTo(3600 + 400, 6);
  });

  it("has most of its corrected errors to come on few boards", () => {
    const spread = [...fleetOf({ nodes: 500 }).gpus.correctedRateSpread].toSorted((a, b) => b - a);
    const total = spread.reduce((sum, share) => sum + share, 0);
    expect(Math.abs(total / spread.length - 1)).toBeLessThan(0.15);
    const worstTenth = spread.slice(0, spread.length / 10).reduce((sum, share) => sum + share, 0);
    expect(worstTenth / total).toBeGreaterThan(0.75);
  });

  it("loses the oldest events when nobody asks for them, and counts them", () => {
    const fleet = fleetOf();
    const fault = {
      atMilliseconds: 0,
      node: 0,
      gpu: 0,
      kind: "xid",
      severity: 0,
      durationMilliseconds: null,
      code: 31,
      mountpoint: null,
    } as const;
    for (let index = 0; index < 1200; index += 1) fleet.injectFault(fault);
    fleet.step(start + 1000);
    expect(fleet.droppedEvents(0)).toBe(200);
    expect(fleet.drainEvents(0)).toHaveLength(1000);
  });

  it.each([
    [{ nodes: 0 }, "at least one node"],
    [{ nodes: 1.5 }, "at least one node"],
    [{ nodes: 1251 }, "at most 10000 GPUs, not 10008"],
    [{ gpusPerNode: 17 }, "1 to 16 GPUs"],
    [{ stepMilliseconds: 1 }, "10 to 10,000 ms"],
    [{ model: "MI300X", mig: true }, "has no MIG"],
  ] as const)("refuses %o in one sentence", (options, sentence) => {
    expect(() => fleetOf(options)).toThrow(sentence);
  });

  it("refuses faults that the fleet can't have", () => {
    const fault = {
      atMilliseconds: 0,
      node: 2,
      gpu: 0,
      kind: "ecc_storm",
      severity: 0,
      durationMilliseconds: null,
      code: null,
      mountpoint: null,
    } as const;
    expect(() => fleetOf().injectFault(fault)).toThrow("there is no node 2; the fleet has 2");
    expect(() => fleetOf().injectFault({ ...fault, node: 0, gpu: 8 })).toThrow("there is no gpu 8");
    expect(() =>
      fleetOf({ model: "MI300X" }).injectFault({ ...fault, node: 0, kind: "xid", code: 79 }),
    ).toThrow("has no XIDs");
  });

  it("steps 10,000 GPUs in well under a tenth of a second of CPU", () => {
    const fleet = fleetOf({ nodes: 1250 });
    fleet.step(start + 20_000);
    const before = process.cpuUsage();
    fleet.step(start + 60_000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000 / 40).toBeLessThan(100);
  });
});

function correlation(a: readonly number[], b: readonly number[]): number {
  const meanA = mean(Float64Array.from(a));
  const meanB = mean(Float64Array.from(b));
  let ab = 0;
  let aa = 0;
  let bb = 0;
  a.forEach((value, index) => {
    const x = value - meanA;
    const y = b[index]! - meanB;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return ab / Math.sqrt(aa * bb);
}
