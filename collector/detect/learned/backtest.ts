/** Backtests: the detectors' own code over one series from a file, sample by sample, as if it were measured now. */
import { setPresent } from "../../../core/wire/frame.ts";
import { createAnomalyScreen } from "../anomaly.ts";
import { trendCells, type Forecast } from "../forecast.ts";
import { evidenceCells, expectedOf, peakOf, weigh } from "./evidence.ts";
import { pastCount, soonest, trendsOver } from "./forecast-detector.ts";
import { formatNumber, formatTime } from "./format.ts";

export interface BacktestSample {
  readonly timeMilliseconds: number;
  readonly value: number;
}

export interface BacktestFinding {
  readonly timeMilliseconds: number;
  readonly score: number;
  /** What was expected instead, or the limit that is headed for. */
  readonly expected: number;
  readonly text: string;
}

export interface BacktestResult {
  readonly findings: readonly BacktestFinding[];
  readonly samples: number;
  /** Samples with a score of 3 or more. */
  readonly surprising: number;
}

const surprisingScore = 3;
/** A series stays away this many samples before it is told. */
const confirmSamples = 5;

export function backtestAnomaly(samples: readonly BacktestSample[]): BacktestResult {
  const screen = createAnomalyScreen();
  screen.resize(1);
  const present = new Uint8Array(1);
  setPresent(present, 0);
  const scores = new Float64Array(1);
  const cells = new Float64Array(evidenceCells);
  const findings: BacktestFinding[] = [];
  const [first, second] = samples;
  const step = (second?.timeMilliseconds ?? 0) - (first?.timeMilliseconds ?? 0);
  const limits = {
    direction: 0,
    leastChange: 0,
    confirmMilliseconds: confirmSamples * step,
  } as const;
  let surprising = 0;
  for (const { timeMilliseconds, value } of samples) {
    screen.step(Float64Array.of(value), present, timeMilliseconds, scores);
    const score = scores[0] ?? 0;
    if (score >= surprisingScore) surprising += 1;
    if (weigh(cells, score, value, screen.deviation(0), timeMilliseconds, limits) !== "opened")
      continue;
    const expected = expectedOf(cells);
    const text = `is ${formatNumber(value, "")}; ${formatNumber(expected, "")} is usual`;
    findings.push({ timeMilliseconds, score: peakOf(cells), expected, text });
  }
  return { findings, samples: samples.length, surprising };
}

/** A finding where a forecast begins, after samples without one. */
export function backtestForecast(
  samples: readonly BacktestSample[],
  limit: number,
): BacktestResult {
  const trends = trendsOver(new Float64Array(pastCount * trendCells));
  const watch = { limit, horizonMilliseconds: Infinity, reach: 24, leastChange: 0 };
  const target = { watch, trends, rests: [], driverSlot: -1 };
  const findings: BacktestFinding[] = [];
  let standing = false;
  let surprising = 0;
  for (const { timeMilliseconds, value } of samples) {
    const completed = trends.map((trend) => trend.add(timeMilliseconds, value)).includes(true);
    if (!completed) continue;
    const found = soonest(target, timeMilliseconds);
    if (found && !standing) {
      const score = found.significance;
      findings.push({ timeMilliseconds, score, expected: limit, text: describe(found, limit) });
    }
    if (found) surprising += 1;
    standing = found !== null;
  }
  return { findings, samples: samples.length, surprising };
}

function describe(found: Forecast, limit: number): string {
  const { expectedMilliseconds, earliestMilliseconds, latestMilliseconds } = found;
  const latest = Number.isFinite(latestMilliseconds) ? formatTime(latestMilliseconds) : "never";
  return (
    `reaches ${formatNumber(limit, "")} at ${formatTime(expectedMilliseconds)} ` +
    `(${formatTime(earliestMilliseconds)} to ${latest})`
  );
}
