/**
 * What the collector's door costs on one processor: frames of a node with and without the journal behind it, the
 * parsing of the same node's text page, and remote-write, by calls alone and over HTTP beside a real Prometheus. `npm run bench:ingest [-- --series 2500 --frames 4000 --rounds 5]`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createHistory } from "../../collector/history/history.ts";
import { createHistoryListener } from "../../collector/history/listener.ts";
import { createIngest, defaultIngestLimits, type Ingest } from "../../collector/ingest/door.ts";
import { openMetric } from "../../core/catalog/metric.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { createExposition } from "../../core/wire/exposition.ts";
import type { Frame, Schema } from "../../core/wire/frame.ts";
import { createExpositionParser } from "../../core/wire/parse.ts";
import { hasProgram } from "../kit/programs.ts";
import { createRandom } from "../kit/random.ts";
import {
  feedCollector,
  feedPrometheus,
  feedReceiver,
  makeRemoteWriteLoad,
  makeRemoteWriteLoads,
} from "./remote-write-feed.ts";
import { reportBench } from "./report.ts";

const changedShare = 0.4;
/** Columns that take turns: each differs from the one before in the share that changes. */
const columnCount = 64;
/** As many frames wait for a commit as a fleet sends within its time. */
const groupFrames = 200;
/** Rounds of scrapes in the load for remote-write. */
const remoteRounds = 120;
/** Each request waits for its commit, so that these take their time. */
const servedRounds = 60;
const startMilliseconds = Date.UTC(2026, 0, 10);

const { values: flags } = parseArgs({
  options: {
    series: { type: "string", default: "2500" },
    frames: { type: "string", default: "4000" },
    rounds: { type: "string", default: "5" },
  },
});
const settings = {
  series: Number(flags.series),
  frames: Number(flags.frames),
  rounds: Number(flags.rounds),
  changedShare,
  groupFrames,
};
const withPrometheus = hasProgram("prometheus");

/** Each with its unit; all rates are per second of processor time. */
const measured = {
  alone: ["door alone", "frames per CPU-second"],
  journal: ["door and journal", "frames per CPU-second"],
  bytes: ["journal", "bytes per frame"],
  parsed: ["text page parsed", "samples per CPU-second"],
  received: ["remote-write, rules", "samples per CPU-second"],
  receivedJournal: ["remote-write, rules and journal", "samples per CPU-second"],
  served: ["remote-write over HTTP, rules", "samples per CPU-second"],
  servedJournal: ["remote-write over HTTP, rules and journal", "samples per CPU-second"],
  prometheus: ["remote-write over HTTP, a Prometheus", "samples per CPU-second"],
} as const;
type Round = Record<keyof typeof measured, number>;

await main();

async function main(): Promise<void> {
  const play = preparePlay();
  const rounds: Round[] = [];
  // The first round warms up and doesn't count.
  for (let round = 0; round <= settings.rounds; round += 1) {
    const folder = mkdtempSync(join(tmpdir(), "warpwatch-bench-"));
    try {
      rounds.push(await play(folder));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  rounds.shift();
  const names = (Object.keys(measured) as (keyof Round)[]).filter(
    (name) => withPrometheus || name !== "prometheus",
  );
  const rows = names.map((name) => {
    const [what, unit] = measured[name];
    return { what, unit, rounds: rounds.map((round) => round[name]) };
  });
  reportBench("ingest", settings, rows);
}

function preparePlay(): (folder: string) => Promise<Round> {
  const schema = makeSchema(settings.series);
  const columns = makeColumns(settings.series);
  const pages = makePages(schema, columns);
  const load = makeRemoteWriteLoad(settings.series, remoteRounds);
  const loads = makeRemoteWriteLoads(settings.series, servedRounds);
  return async (folder) => {
    const { rate: alone } = await feed(schema, columns, null);
    const { rate: journal, bytes } = await feed(schema, columns, folder);
    return {
      alone,
      journal,
      bytes,
      parsed: parse(pages),
      received: await feedReceiver(load, null),
      receivedJournal: await feedReceiver(load, join(folder, "remote-write")),
      served: await feedCollector(loads, null),
      servedJournal: await feedCollector(loads, join(folder, "collector")),
      prometheus: withPrometheus ? await feedPrometheus(loads, join(folder, "prometheus")) : 0,
    };
  };
}

/** Frames per second of processor time, of all threads, and what the journal then holds per frame. */
async function feed(
  schema: Schema,
  columns: readonly Float64Array[],
  folder: string | null,
): Promise<{ rate: number; bytes: number }> {
  let now = startMilliseconds;
  const clock: Clock = { ...createEnv().clock, now: () => now };
  const log = createLog({ clock });
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const limits = { ...defaultIngestLimits, seriesPerOrigin: settings.series };
  const ingest = createIngest({ clock, log, metrics, limits });
  const history =
    folder === null
      ? null
      : createHistory({
          folder,
          env: createEnv({ clock }),
          log,
          metrics,
          retentionMilliseconds: 86_400_000,
          rawMilliseconds: 86_400_000,
          maximumBytes: 1e12,
          bounds: { commitMilliseconds: 0 },
        });
  let stored: Promise<void> = Promise.resolve();
  if (history)
    ingest.listen(createHistoryListener({ append: (frame) => (stored = history.append(frame)) }));
  const before = process.cpuUsage();
  for (let sequence = 1; sequence <= settings.frames; sequence += 1) {
    now += 1000;
    ingest.accept(makeFrame(schema, columns[sequence % columnCount], sequence, now));
    if (sequence % groupFrames === 0) await stored;
  }
  await stored;
  const { user, system } = process.cpuUsage(before);
  expectAll(ingest, settings.frames);
  const text = await metrics.render("text");
  await history?.close();
  const bytes = Number(/^warpwatch_history_journal_bytes (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
  return { rate: settings.frames / ((user + system) / 1e6), bytes: bytes / settings.frames };
}

/** A bench that was refused at the door would look fast. */
function expectAll(ingest: Ingest, sequence: number): void {
  const [state] = ingest.origins();
  if (state?.sequence !== sequence) throw new Error("the door did not let the frames in");
}

function parse(pages: readonly Buffer[]): number {
  const parser = createExpositionParser();
  let samples = 0;
  const before = process.cpuUsage();
  for (let round = 0; round < settings.frames / 10; round += 1)
    samples += parser.parse(pages[round % pages.length] ?? Buffer.alloc(0), "text").samples;
  const { user, system } = process.cpuUsage(before);
  return samples / ((user + system) / 1e6);
}

function makeSchema(length: number): Schema {
  const origin = { node: "node-1", job: "bench", instance: "node-1:9410", boot: "boot-1" };
  const metrics = Array.from({ length: Math.ceil(length / 8) }, (_, index) =>
    openMetric(`bench_metric_${index}`, "gauge", "One of many.", ["gpu", "UUID"]),
  );
  const series = Array.from({ length }, (_, slot) => {
    const metric = metrics[slot >> 3] ?? openMetric("bench_metric", "gauge", "One of many.");
    const gpu = String(slot & 7);
    return { metric, values: [gpu, `GPU-00000000-0000-0000-0000-00000000000${gpu}`], device: null };
  });
  const groups = [{ source: "bench", first: 0, length }];
  return { origin, version: 1, groups, series };
}

/** A third are readings with two decimals, the others counters. */
function makeColumns(length: number): Float64Array[] {
  const random = createRandom(1);
  const numbers = Float64Array.from({ length }, (_, slot) => slot * (slot % 3 === 0 ? 1.25 : 1000));
  return Array.from({ length: columnCount }, () => {
    for (let slot = 0; slot < length; slot += 1)
      if (random.between(0, 1) < changedShare)
        numbers[slot] =
          slot % 3 === 0 ? random.below(10_000) / 100 : (numbers[slot] ?? 0) + random.below(20_000);
    return numbers.slice();
  });
}

function makeFrame(
  schema: Schema,
  values: Float64Array | undefined,
  sequence: number,
  time: number,
): Frame {
  return {
    schema,
    sequence,
    timestamps: Float64Array.of(time),
    values: values ?? new Float64Array(schema.series.length),
    present: new Uint8Array((schema.series.length + 7) >> 3).fill(255),
    complete: true,
  };
}

function makePages(schema: Schema, columns: readonly Float64Array[]): Buffer[] {
  const exposition = createExposition();
  return columns.map((values) =>
    Buffer.from(exposition.render(makeFrame(schema, values, 1, startMilliseconds), "text")),
  );
}
