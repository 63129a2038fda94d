import { describe, expect, it } from "vitest";
import { createRandomStreams } from "../../simulator/random.ts";

const draws = 50_000;

function moments(draw: () => number): { mean: number; variance: number } {
  const values = Array.from({ length: draws }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / draws;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws };
}

describe("seeded random streams", () => {
  it("give the same numbers for the same seed and others for another seed, purpose or stream", () => {
    const first = (seed: number, purpose: string, stream: number): string => {
      const random = createRandomStreams(seed, purpose, 3);
      return [random.integer(stream), random.integer(stream), random.integer(stream)].join();
    };
    expect(first(7, "gpus", 1)).toBe(first(7, "gpus", 1));
    const all = [
      first(7, "gpus", 1),
      first(8, "gpus", 1),
      first(7 + 2 ** 32, "gpus", 1),
      first(7, "jobs", 1),
      first(7, "gpus", 2),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it("keep a stream's numbers whatever other streams draw", () => {
    const alone = createRandomStreams(3, "gpus", 2);
    const disturbed = createRandomStreams(3, "gpus", 2);
    for (let draw = 0; draw < 100; draw += 1) {
      disturbed.normal(0);
      expect(disturbed.integer(1)).toBe(alone.integer(1));
    }
  });

  it("have the moments they promise", () => {
    const random = createRandomStreams(11, "moments", 1);
    const uniform = moments(() => random.uniform(0));
    expect(uniform.mean).toBeCloseTo(0.5, 2);
    expect(uniform.variance).toBeCloseTo(1 / 12, 2);
    const normal = moments(() => random.normal(0));
    expect(Math.abs(normal.mean)).toBeLessThan(0.02);
    expect(Math.abs(normal.variance - 1)).toBeLessThan(0.03);
    const waiting = moments(() => random.exponential(0));
    expect(Math.abs(waiting.mean - 1)).toBeLessThan(0.02);
    expect(Math.abs(waiting.variance - 1)).toBeLessThan(0.06);
  });

  it("are not correlated with each other", () => {
    const random = createRandomStreams(5, "pairs", 2);
    let sum = 0;
    for (let draw = 0; draw < draws; draw += 1) sum += random.normal(0) * random.normal(1);
    expect(Math.abs(sum / draws)).toBeLessThan(0.02);
  });
});
