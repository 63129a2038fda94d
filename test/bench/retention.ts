/**
 * Days of a fleet in minutes: journal, compaction, daily features, roll-up and retention on a clock of the bench's and a
 * real disk. The folder stays within its bytes at every moment, and what queries answer on either side of the roll-up's
 * boundary and across it is what a plain model says of what was fed.
 * `npm run bench:retention [-- --days 30 --nodes 4 --series 60 --mebibytes 64 --hours 1 --queries 7 --seed 1]`
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { createHistory, type History } from "../../collector/history/history.ts";
import { nameSeries } from "../../collector/history/sample.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Schema } from "../../core/wire/frame.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import { createRandom } from "../kit/random.ts";
import { reportBench, type BenchRow } from "./report.ts";
import {
  frameAt,
  modelDay,
  modelQuery,
  schemaOf,
  tickMilliseconds,
  type ModelOptions,
} from "./retention-model.ts";

const { values: given } = parseArgs({
  options: {
    days: { type: "string", default: "30" },
    nodes: { type: "string", default: "4" },
    series: { type: "string", default: "60" },
    mebibytes: { type: "string", default: "64" },
    // Hours between compactions: each starts a process.
    hours: { type: "string", default: "1" },
    // Of the seven kinds, each day: so does each.
    queries: { type: "string", default: "7" },
    seed: { type: "string", default: "1" },
  },
});
const settings = {
  days: Number(given.days),
  nodes: Number(given.nodes),
  series: Number(given.series),
  maximumBytes: Number(given.mebibytes) * 2 ** 20,
  hours: Number(given.hours),
  queries: Number(given.queries),
  seed: Number(given.seed),
};
const start = Date.UTC(2026, 0, 10);
const dayMilliseconds = 86_400_000;
const minute = 60_000;
const ticksPerHour = 3_600_000 / tickMilliseconds;
const looksPerSecond = 50;

interface Measured {
  samples: number;
  queries: number;
  peakBytes: number;
  peakWithScratch: number;
  largestAnswer: number;
  readonly seconds: Record<"compaction" | "features" | "rollUp" | "query", number[]>;
}

const folder = mkdtempSync(join(tmpdir(), "warpwatch-retention-"));
const clock = createFakeClock(start);
const random = createRandom(settings.seed);
const schemas = Array.from({ length: settings.nodes }, (_, node) =>
  schemaOf(node, settings.series),
);
const measured: Measured = {
  samples: 0,
  queries: 0,
  peakBytes: 0,
  peakWithScratch: 0,
  largestAnswer: 0,
  seconds: { compaction: [], features: [], rollUp: [], query: [] },
};
const complaints: string[] = [];
const history = createHistory({
  folder,
  env: createEnv({ clock }),
  log: createLog({ clock, write: (line) => void complaints.push(line) }),
  metrics: createSelfMetrics({ clock, processMetrics: false }),
  retentionMilliseconds: 30 * dayMilliseconds,
  rawMilliseconds: dayMilliseconds,
  maximumBytes: settings.maximumBytes,
  // Every commit waits for the disk, and here a day passes in seconds.
  bounds: { commitMilliseconds: 5 * minute },
});
const looks = setInterval(look, 1000 / looksPerSecond);
let ticks = 0;
let compactedUntil = start;
try {
  for (let day = 0; day < settings.days; day += 1) {
    for (let hour = 0; hour < 24; hour += 1) await liveHour(hour);
    await askAround(day);
    process.stdout.write(`day ${day + 1}: ${describeStore(history)}\n`);
  }
  await checkFeatures();
  if (complaints.length > 0) throw new Error(`history complained: ${complaints[0] ?? ""}`);
  report();
} finally {
  clearInterval(looks);
  await history.close();
  rmSync(folder, { recursive: true, force: true });
}

/** An hour of frames, with the upkeep at the minutes at which the collector has it. */
async function liveHour(hourOfDay: number): Promise<void> {
  for (let tick = 0; tick < ticksPerHour; tick += 1) {
    for (const [node, schema] of schemas.entries()) {
      void history.append(frameAt(schema, node, ticks, start));
      measured.samples += schema.series.length;
    }
    ticks += 1;
    await clock.advance(tickMilliseconds);
    const passed = ((tick + 1) * tickMilliseconds) / minute;
    if (passed === 5 && hourOfDay % settings.hours === 0) {
      await timed("compaction", () => history.compact());
      compactedUntil = Math.floor(clock.now() / 3_600_000) * 3_600_000;
    }
    if (passed === 12) await timed("features", () => history.makeFeatures());
    if (passed === 20) history.retain();
    if (passed === 35) await timed("rollUp", () => history.rollUp());
    if (passed % 5 === 0) look();
  }
}

async function timed(what: keyof Measured["seconds"], work: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  await work();
  measured.seconds[what].push((performance.now() - began) / 1000);
  look();
}

/** Also while a child process writes: everything that is on disk. */
function look(): void {
  let kept = 0;
  let scratch = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (path.includes("/.scratch/")) scratch += size;
    else kept += size;
  }
  measured.peakBytes = Math.max(measured.peakBytes, kept);
  measured.peakWithScratch = Math.max(measured.peakWithScratch, kept + scratch);
  if (kept > settings.maximumBytes)
    throw new Error(`the store has ${kept} bytes, and ${settings.maximumBytes} are its bound`);
}

/** Across the boundary of the roll-up, within minutes, within the newest, over everything, and at random instants. */
async function askAround(day: number): Promise<void> {
  const now = clock.now();
  const boundary = boundaryTime();
  const anyTime = (): number => start + random.below(now - start);
  const asked: readonly (readonly [from: number, step: number, points: number])[] = [
    [boundary - 30 * minute - 7000, 10_000, 360],
    [boundary - 3 * minute, 1000, 360],
    [boundary - 12 * 3_600_000, 5 * minute, 288],
    [now - 2 * 3_600_000, 15_000, 480],
    [start, Math.max(minute, Math.ceil((now - start) / 10_000)), 10_000],
    [anyTime(), 1, 1],
    [anyTime(), 1, 1],
  ];
  const chosen = asked.filter((_, kind) => (kind + day) % asked.length < settings.queries);
  for (const [from, step, points] of chosen) {
    const slot = random.below(settings.series);
    const schema = schemas[0] as Schema;
    await compare(day, schema, slot, from, step, points);
  }
}

/** Where the days with minutes end. */
function boundaryTime(): number {
  const thinned = history.files().filter((file) => file.resolutionMilliseconds > 0);
  const last = thinned.at(-1);
  return last ? Date.parse(last.day) + dayMilliseconds : start + dayMilliseconds;
}

async function compare(
  day: number,
  schema: Schema,
  slot: number,
  from: number,
  step: number,
  points: number,
): Promise<void> {
  const { metric, values } = schema.series[slot] ?? {
    metric: { name: "", labels: [] },
    values: [],
  };
  const labels = Object.fromEntries(
    metric.labels.map((name, index) => [name, values[index] ?? ""]),
  );
  // A GPU's UUID names its node too.
  delete labels["UUID"];
  const range = { start: from * 1000, step: step * 1000, points };
  const began = performance.now();
  const found = await history.query({ matcher: { metric: metric.name, labels }, range });
  measured.seconds.query.push((performance.now() - began) / 1000);
  measured.queries += 1;
  const kept = history.files();
  const expected = schemas.flatMap((one, node) => {
    const options = { schema: one, node, slot, start, ticks, kept, compactedUntil };
    const answer = modelQuery(options, from, step, points);
    return answer.length === 0 ? [] : [{ name: nameSeries(one, slot), points: answer }];
  });
  for (const { points: answer } of found)
    measured.largestAnswer = Math.max(measured.largestAnswer, answer.length);
  if (isDeepStrictEqual(found, expected)) return;
  const where = expected.flatMap((one, index) => {
    const answer = found[index]?.points ?? [];
    const at = one.points.findIndex((point, place) => !isDeepStrictEqual(point, answer[place]));
    return at < 0 ? [] : [`${String(one.points[at])} is expected, ${String(answer[at])} found`];
  });
  throw new Error(
    `on day ${day + 1} a query of ${metric.name} from ${new Date(from).toISOString()} by ${step} ms differs from the model: ${where[0] ?? "other series"}`,
  );
}

/** Every day's features are of all its samples, whatever became of those. */
async function checkFeatures(): Promise<void> {
  const days = history.featureDays();
  if (days.length < settings.days - 1)
    throw new Error(`only ${days.length} days have features of ${settings.days}`);
  for (const { day } of days) {
    const slot = random.below(24);
    const schema = schemas[0] as Schema;
    const { metric, values } = schema.series[slot] as Schema["series"][number];
    const device = values[metric.labels.indexOf("UUID")] ?? "";
    const page = await history.queryFeatures({
      from: day,
      to: day,
      node: "node-0",
      device,
      metric: metric.name,
      limit: 10,
      skip: 0,
    });
    const [row] = page.rows;
    const index = (Date.parse(day) - start) / dayMilliseconds;
    const options: ModelOptions = {
      schema,
      node: 0,
      slot,
      start,
      ticks,
      kept: [],
      compactedUntil,
    };
    const { mean, ...expected } = modelDay(options, index);
    const found = {
      samples: row?.samples,
      minimum: row?.minimum,
      maximum: row?.maximum,
      increase: row?.increase,
    };
    const isSame = isDeepStrictEqual(found, expected) && Math.abs((row?.mean ?? 0) - mean) < 1e-9;
    if (!isSame)
      throw new Error(
        `${day}: the features of ${device} are ${JSON.stringify({ ...found, mean: row?.mean })} and should be ${JSON.stringify({ ...expected, mean })}`,
      );
  }
}

function describeStore(one: History): string {
  const files = one.files();
  const thinned = files.filter((file) => file.resolutionMilliseconds > 0).length;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${files.length - thinned} files of samples, ${thinned} of minutes, ${bytes} bytes from ${files[0]?.day ?? "none"} on, ${one.featureDays().length} days with features`;
}

function report(): void {
  const files = history.files();
  const rawRows = files.filter((file) => file.resolutionMilliseconds === 0);
  const minuteRows = files.filter((file) => file.resolutionMilliseconds > 0);
  const perRow = (chosen: typeof files): number =>
    chosen.reduce((sum, file) => sum + file.bytes, 0) /
    chosen.reduce((sum, file) => sum + file.rows, 0);
  const features = history.featureDays();
  const once = (what: string, unit: string, value: number): BenchRow => ({
    what,
    unit,
    rounds: [value],
  });
  reportBench("retention", settings, [
    once("samples fed", "samples", measured.samples),
    once("bound", "bytes", settings.maximumBytes),
    once("most that was kept", "bytes", measured.peakBytes),
    once("most with what children were writing", "bytes", measured.peakWithScratch),
    once("days kept", "days", (clock.now() - Date.parse(files[0]?.day ?? "")) / dayMilliseconds),
    once("samples as read", "bytes/row", perRow(rawRows)),
    once("minutes", "bytes/row", perRow(minuteRows)),
    once(
      "features",
      "bytes/day",
      features.reduce((sum, one) => sum + one.bytes, 0) / features.length,
    ),
    once(
      "features",
      "rows/day",
      features.reduce((sum, one) => sum + one.rows, 0) / features.length,
    ),
    once("queries equal to the model", "queries", measured.queries),
    once("points of the largest answer", "points", measured.largestAnswer),
    { what: "compaction of an hour", unit: "s", rounds: measured.seconds.compaction },
    { what: "features, where a day was due", unit: "s", rounds: longer(measured.seconds.features) },
    { what: "roll-up, where a day was due", unit: "s", rounds: longer(measured.seconds.rollUp) },
    { what: "query", unit: "s", rounds: measured.seconds.query },
  ]);
}

/** Runs that had something to do started a process. */
function longer(seconds: readonly number[]): number[] {
  return seconds.filter((one) => one > 0.1);
}
