import { describe, expect, it } from "vitest";
import { createAnomalyScreen, defaultAnomalyOptions } from "../../../collector/detect/anomaly.ts";

/** Deterministic noise, about standard normal. */
function noise(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state + 1) / 2_147_483_649;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

const present = new Uint8Array([255]);

function score(values: readonly number[], stepMilliseconds = 60_000): number[] {
  const screen = createAnomalyScreen();
  screen.resize(1);
  const scores = new Float64Array(1);
  return values.map((value, index) => {
    screen.step(Float64Array.of(value), present, index * stepMilliseconds, scores);
    return scores[0] ?? 0;
  });
}

describe("the anomaly screen", () => {
  it("gives scores whose tail is what they say: one sample in a thousand reaches 3", () => {
    const random = noise(3);
    const scores = score(Array.from({ length: 40_000 }, () => 50 + random())).slice(5000);
    const share = (limit: number): number =>
      scores.filter((value) => value >= limit).length / scores.length;
    expect(share(1)).toBeGreaterThan(0.03);
    expect(share(1)).toBeLessThan(0.12);
    expect(share(3)).toBeLessThan(0.002);
    expect(share(4)).toBeLessThan(0.0005);
  });

  it("scores a spike, a lasting shift and a sensor that starts to jump, each within a few samples", () => {
    const random = noise(5);
    const calm = Array.from({ length: 2000 }, () => 60 + random());
    const highest = (tail: readonly number[]): number =>
      Math.max(...score([...calm, ...tail]).slice(2000));
    expect(highest([75])).toBeGreaterThan(4);
    expect(highest(Array.from({ length: 20 }, () => 63.5 + random()))).toBeGreaterThan(3);
    expect(
      highest(Array.from({ length: 6 }, (_, i) => 60 + (i % 2 === 0 ? 8 : -8))),
    ).toBeGreaterThan(4);
    expect(highest(Array.from({ length: 20 }, () => 60 + random()))).toBeLessThan(3);
  });

  it("learns the hour of day, so that the daily peak stops being strange", () => {
    const random = noise(7);
    const hour = 3_600_000;
    const day = (index: number): number => (index % 24 === 9 ? 90 : 20) + random();
    const scores = score(
      Array.from({ length: 24 * 60 }, (_, index) => day(index)),
      hour,
    );
    const peaks = scores.filter((_, index) => index % 24 === 9);
    expect(peaks.slice(40).toSorted((a, b) => a - b)[10]).toBeLessThan(2);
    expect(Math.max(...peaks.slice(40))).toBeLessThan(3.3);
    const missing = score(
      [...Array.from({ length: 24 * 60 + 9 }, (_, index) => day(index)), 20],
      hour,
    );
    expect(missing.at(-1)).toBeGreaterThan(2.5);
  });

  it("never looks ahead: the scores of a prefix are those of the whole, bit for bit", () => {
    const random = noise(11);
    const values = Array.from({ length: 3000 }, (_, i) => (i > 1500 ? 80 : 40) + 5 * random());
    const whole = score(values);
    for (const length of [1, 2, 59, 60, 61, 1500, 1501, 2999])
      expect(score(values.slice(0, length))).toEqual(whole.slice(0, length));
  });

  it("keeps series apart, passes over absent samples, and goes on from a snapshot as if nothing happened", () => {
    const random = noise(13);
    const rows = Array.from({ length: 400 }, () => Float64Array.of(random(), 1000 + random()));
    const straight = createAnomalyScreen();
    straight.resize(2);
    let other = createAnomalyScreen();
    other.resize(2);
    const a = new Float64Array(2);
    const b = new Float64Array(2);
    rows.forEach((row, index) => {
      const has = Uint8Array.of(index % 10 === 0 ? 1 : 3);
      straight.step(row, has, index * 1000, a);
      if (index === 200) {
        const bytes = other.snapshot();
        other = createAnomalyScreen();
        expect(other.restore(bytes)).toBe(true);
      }
      other.step(row, has, index * 1000, b);
      expect(b).toEqual(a);
      if (index % 10 === 0) expect(a[1]).toBe(0);
    });
    expect(straight.expected(0).level).toBeLessThan(1);
    expect(straight.expected(1).level).toBeGreaterThan(999);
  });

  it("refuses a snapshot of another version or of the wrong length", () => {
    const screen = createAnomalyScreen(defaultAnomalyOptions);
    screen.resize(3);
    const bytes = screen.snapshot();
    expect(createAnomalyScreen().restore(bytes.slice(0, -1))).toBe(false);
    bytes[3] = 99;
    expect(createAnomalyScreen().restore(bytes)).toBe(false);
    expect(createAnomalyScreen().restore(new Uint8Array(2))).toBe(false);
  });
});
