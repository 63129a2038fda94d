import { describe, expect, test } from "vitest";
import { runTorture } from "../bench/torture-alerts.ts";
import { runBitFlips } from "../bench/torture-bit-flips.ts";
import { runDiskFull } from "../bench/torture-disk-full.ts";
import { runHistoryTorture } from "../bench/torture-history.ts";
import { runPowerLoss } from "../bench/torture-power-loss.ts";
import { judgeIncidents, type ServedSample } from "../kit/torture-oracle.ts";

test("a collector killed 20 times loses no alert, opens none twice and starts no `for` anew", async () => {
  const report = await runTorture({ kills: 20, seed: 7 });
  expect(report.faults).toEqual([]);
  expect(report.incidents).toBeGreaterThan(5);
}, 240_000);

test("the whole collector, killed eight times, loses none and opens none twice either", async () => {
  const report = await runTorture({ kills: 8, seed: 7, binary: true });
  expect(report.faults).toEqual([]);
  expect(report.incidents).toBeGreaterThan(5);
}, 300_000);

test("killed at six places of its storage, the whole collector keeps what it acknowledged", async () => {
  const report = await runHistoryTorture({ kills: 6, seed: 5, minutes: 3 });
  expect(report.faults).toEqual([]);
  expect(report.framesAcknowledged).toBeGreaterThan(20);
}, 400_000);

test("a loss of power at twenty moments loses nothing acknowledged and shows nothing twice", async () => {
  const report = await runPowerLoss({ images: 20, seed: 5, minutes: 3, wholeEvery: 20 });
  expect(report.faults).toEqual([]);
  expect(report.operations).toBeGreaterThan(500);
}, 400_000);

test.skipIf(process.getuid?.() !== 0)(
  "twenty seconds on a full disk stop history and nothing else",
  async () => {
    const report = await runDiskFull({ seed: 4, minutes: 1 / 3 });
    expect(report.skipped).toBe("");
    expect(report.faults).toEqual([]);
  },
  400_000,
);

test("a bit that flips is never read as a number", async () => {
  const report = await runBitFlips({ flips: 8, seed: 6, minutes: 3 });
  expect(report.faults).toEqual([]);
}, 400_000);

describe("the oracle of the crash test", () => {
  const sample = (timeMilliseconds: number, high: boolean, confirmed = true): ServedSample => ({
    timeMilliseconds,
    high,
    confirmed,
  });
  const timing = { forMilliseconds: 600, toleranceMilliseconds: 0 };
  const breach = [sample(0, false), sample(100, true), sample(700, true), sample(800, false)];

  test("accepts the incident that the samples call for", () => {
    expect(judgeIncidents(breach, [700], timing)).toBeNull();
  });

  test.each([
    ["a lost alert", []],
    ["a `for` that began anew", [800]],
    ["a second incident", [700, 700]],
    ["an alert that fired early", [100]],
  ])("refuses %s", (_, firedAt) => {
    expect(judgeIncidents(breach, firedAt, timing)).not.toBeNull();
  });

  test("allows both stories where a kill leaves open whether a sample was judged", () => {
    const torn = [sample(100, true, false), ...breach.slice(2, 3), sample(1300, true)];
    const samples = [...torn, sample(1400, false)];
    expect(judgeIncidents(samples, [700], timing)).toBeNull();
    expect(judgeIncidents(samples, [1300], timing)).toBeNull();
    expect(judgeIncidents(samples, [1200], timing)).not.toBeNull();
  });
});
