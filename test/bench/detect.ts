/**
 * How well the learned detectors judge, beside a random detector, one that is always on and NAB's windowed Gaussian:
 * `npm run bench:detect -- --data FOLDER`. Without the data only what can be made from a seed is measured, and it says so.
 */
import { parseArgs } from "node:util";
import {
  has,
  readEntities,
  readInjectedGpus,
  readKpi,
  readNab,
  readServerFaults,
  type LabelledSeries,
} from "./data-sets.ts";
import {
  alwaysOnScorer,
  randomScorer,
  windowedGaussianScorer,
  type StreamScorer,
} from "./detectors/baselines.ts";
import { eachStream, screenEntity, screenScorer, type EntityScorer } from "./detectors/ours.ts";
import { timeDetectors } from "./detector-times.ts";
import { scoreFailures } from "./failure-score.ts";
import { measureCoverage } from "./forecast-coverage.ts";
import { reportBench, type BenchRow } from "./report.ts";
import { scoreNab } from "./score/nab.ts";
import { averagePrecision } from "./score/points.ts";
import { volumeUnderPrecisionRecall } from "./score/vus.ts";

const streams: Readonly<Record<string, StreamScorer>> = {
  screen: screenScorer,
  "windowed gaussian": windowedGaussianScorer,
  random: randomScorer(1),
  "always on": alwaysOnScorer,
};
const entities: Readonly<Record<string, EntityScorer>> = {
  screen: screenEntity,
  "windowed gaussian": eachStream(windowedGaussianScorer),
  random: eachStream(randomScorer(1)),
  "always on": eachStream(alwaysOnScorer),
};
/** Rows around an anomaly in which an alarm counts in part. */
const vusWidth = 100;
/** The last day of the server faults that may be looked at. */
const lastFaultDay = 200;

interface Suite {
  readonly part: string;
  run(folder: string): BenchRow[];
}

const suites: readonly Suite[] = [
  { part: "nab", run: benchNab },
  { part: "kpi", run: (folder) => benchVolume("kpi", readKpi(folder)) },
  { part: "smd", run: (folder) => benchVolume("smd", readEntities(folder, "smd", 1)) },
  { part: "asd", run: (folder) => benchVolume("asd", readEntities(folder, "asd", 5)) },
  {
    part: "jumpstarter",
    run: (folder) => [
      ...benchVolume("jumpstarter 2", readEntities(folder, "jumpstarter", 5, "dataset2")),
      ...benchVolume("jumpstarter 3", readEntities(folder, "jumpstarter", 5, "dataset3")),
    ],
  },
  { part: "gpu_injected", run: benchInjected },
  { part: "pdm/infinitehbd", run: benchFailures },
];

function benchNab(folder: string): BenchRow[] {
  const data = readNab(folder);
  return Object.entries(streams).flatMap(([name, scorer]) => {
    let samples = 0;
    const started = performance.now();
    const scored = data.map(({ values, timesMilliseconds, windows }) => {
      samples += values.length;
      return { scores: scorer(values, timesMilliseconds), windows };
    });
    const microseconds = ((performance.now() - started) * 1000) / samples;
    const result = scoreNab(scored);
    return [
      row(`nab, ${name}`, `of 100, ${result.windowsFound} of ${result.windows} windows`, [
        result.normalised,
      ]),
      row(`nab, ${name}, time per sample`, "µs", [microseconds]),
    ];
  });
}

function benchVolume(set: string, data: readonly LabelledSeries[]): BenchRow[] {
  return benchEntities(set, "VUS-PR", data, (scores, labels) =>
    volumeUnderPrecisionRecall(scores, labels, vusWidth),
  );
}

function benchInjected(folder: string): BenchRow[] {
  return benchEntities(
    "gpu_injected",
    "average precision",
    readInjectedGpus(folder),
    averagePrecision,
  );
}

function benchEntities(
  set: string,
  measure: string,
  data: readonly LabelledSeries[],
  score: (scores: Float64Array, labels: Uint8Array) => number,
): BenchRow[] {
  return Object.entries(entities).map(([name, scorer]) => {
    const found = data.map(({ columns, timesMilliseconds, firstScored, labels }) =>
      score(scorer(columns, timesMilliseconds).subarray(firstScored), labels),
    );
    const scored = found.filter((value) => !Number.isNaN(value));
    const mean = scored.reduce((sum, value) => sum + value, 0) / scored.length;
    return row(`${set}, ${name}`, `${measure}, mean of ${scored.length}`, [mean]);
  });
}

function benchFailures(folder: string): BenchRow[] {
  const faults = readServerFaults(folder);
  return ([7, 30] as const).flatMap((horizon) => {
    const found = scoreFailures(faults, horizon, lastFaultDay);
    const unit = `log-loss, ${found.failures} of ${found.landmarks}`;
    return [
      row(`failure within ${horizon} days, ours`, unit, [found.ours]),
      row(`failure within ${horizon} days, base rate until then`, unit, [found.causalBase]),
      row(`failure within ${horizon} days, base rate in hindsight`, unit, [found.hindsightBase]),
    ];
  });
}

function benchForecast(): BenchRow[] {
  return [0, 0.5, 0.9].flatMap((correlation) => {
    const found = measureCoverage(correlation);
    const about = `forecast, ${found.noise} noise`;
    return [
      row(`${about}, 90 % interval holds the date`, `of ${found.forecasts}`, [found.covered]),
      row(`${about}, forecasts of flat series`, `of ${found.runs}`, [found.falseShare]),
    ];
  });
}

async function benchTimes(): Promise<BenchRow[]> {
  return (await timeDetectors()).flatMap((time) => [
    row(`${time.detector}, time per series and sample`, `µs, of ${time.series} series`, [
      time.microsecondsPerSample,
    ]),
    row(`${time.detector}, state per series`, "bytes", [time.snapshotBytesPerSeries]),
  ]);
}

function row(what: string, unit: string, rounds: readonly number[]): BenchRow {
  return { what, unit, rounds };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { data: { type: "string", default: "" } } });
  const folder = values.data;
  const rows = [...(await benchTimes()), ...benchForecast()];
  const skipped: string[] = [];
  for (const suite of suites)
    if (has(folder, suite.part)) rows.push(...suite.run(folder));
    else skipped.push(suite.part);
  reportBench("detect", { data: folder, skipped }, rows);
  if (skipped.length > 0)
    process.stdout.write(
      `\nSKIPPED, because ${folder === "" ? "no --data was given" : `${folder} doesn't have them`}: ${skipped.join(", ")}\n`,
    );
}
