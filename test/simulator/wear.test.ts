import { describe, expect, it } from "vitest";
import { createGpuColumns, type GpuColumns } from "../../simulator/columns.ts";
import { gpuModels } from "../../simulator/models.ts";
import { createRandomStreams } from "../../simulator/random.ts";
import { baseRates, stepWear } from "../../simulator/wear.ts";

const model = gpuModels.H100;
const count = 4000;

interface Wear {
  readonly gpus: GpuColumns;
  readonly uncorrected: number[];
  readonly tripped: number[];
  step(seconds: number): void;
}

function createWear(): Wear {
  const random = createRandomStreams(6, "wear", count);
  const gpus = createGpuColumns(model, count, random);
  gpus.correctedRateSpread.fill(1);
  const uncorrected: number[] = [];
  const tripped: number[] = [];
  return {
    gpus,
    uncorrected,
    tripped,
    step: (seconds) =>
      stepWear({
        model,
        gpus,
        random,
        seconds,
        onUncorrected: (gpu) => uncorrected.push(gpu),
        onTripped: (gpu) => tripped.push(gpu),
      }),
  };
}

function sum(column: Float64Array): number {
  return column.reduce((total, value) => total + value, 0);
}

/** Within four standard deviations of a Poisson count. */
function expectPoisson(counted: number, expected: number): void {
  expect(Math.abs(counted - expected)).toBeLessThan(4 * Math.sqrt(expected) + 1);
}

describe("errors that come by themselves", () => {
  it("come at their rates over a month of 4,000 GPUs", () => {
    const wear = createWear();
    const days = 30;
    for (let hour = 0; hour < days * 24; hour += 1) wear.step(3600);
    const exposure = count * days * 86_400;
    expectPoisson(sum(wear.gpus.eccCorrectedVolatile), exposure * baseRates.corrected);
    expectPoisson(wear.uncorrected.length, exposure * baseRates.uncorrected);
    expectPoisson(sum(wear.gpus.pcieReplays), exposure * baseRates.pcieReplay);
    expectPoisson(sum(wear.gpus.linkCrcErrors), exposure * baseRates.linkError);
    expectPoisson(sum(wear.gpus.remappedCorrectable), exposure * baseRates.rowRemap);
    // 3.4e-6 an hour a GPU: about ten in the month.
    expect(wear.uncorrected.length).toBeGreaterThan(1);
    expect(wear.tripped).toEqual([]);
  });

  it("are scattered as a Poisson process is: variance equals mean, in drizzle and in storm", () => {
    for (const perSecond of [3, 5000]) {
      const wear = createWear();
      wear.gpus.correctedPerSecond.fill(perSecond);
      wear.step(1);
      const counts = [...wear.gpus.eccCorrectedVolatile];
      const mean = sum(wear.gpus.eccCorrectedVolatile) / count;
      const variance = counts.reduce((total, value) => total + (value - mean) ** 2, 0) / count;
      expect(Math.abs(mean / perSecond - 1)).toBeLessThan(0.05);
      expect(Math.abs(variance / mean - 1)).toBeLessThan(0.12);
    }
  });

  it("switch a board off at its shutdown temperature, once, and count nothing on it then", () => {
    const wear = createWear();
    wear.gpus.dieCelsius[7] = model.shutdownCelsius + 0.1;
    wear.step(1);
    wear.gpus.correctedPerSecond[7] = 1000;
    wear.step(1);
    expect(wear.tripped).toEqual([7]);
    expect(wear.gpus.lost[7]).toBe(1);
    expect(wear.gpus.eccCorrectedVolatile[7]).toBe(0);
  });
});
