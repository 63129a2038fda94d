/** What the tests of history share: a history on a clock of the test's, frames of a few series, and everything that is stored. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { openMetric } from "../../../core/catalog/metric.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { createEnv, type Env } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { createSelfMetrics, type SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { setPresent, type Frame, type Origin, type Schema } from "../../../core/wire/frame.ts";
import {
  createFrameReader,
  decodeChain,
  loadBodies,
  loadChain,
} from "../../../collector/history/chain-reader.ts";
import { openSnapshot } from "../../../collector/history/database.ts";
import {
  createHistory,
  type History,
  type HistoryBounds,
} from "../../../collector/history/history.ts";
import { nameSeries } from "../../../collector/history/sample.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";

/** The beginning of a day in UTC. */
export const startMilliseconds = Date.UTC(2026, 0, 10);
export const dayMilliseconds = 86_400_000;
const level = openMetric("test_level", "gauge", "What the test stores.", ["gpu"]);

export interface TestHistory extends History {
  readonly metrics: SelfMetrics;
}

export function openHistory(
  folder: string,
  options: {
    readonly clock?: Clock;
    readonly bounds?: Partial<HistoryBounds>;
    readonly retentionMilliseconds?: number;
    readonly rawMilliseconds?: number;
    readonly eventsMilliseconds?: number;
    readonly featuresMilliseconds?: number;
    readonly maximumBytes?: number;
    readonly spawn?: Env["spawn"];
  } = {},
): TestHistory {
  const clock = options.clock ?? createFakeClock(startMilliseconds);
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const env = createEnv({ clock, ...(options.spawn && { spawn: options.spawn }) });
  const history = createHistory({
    folder,
    env,
    log: createLog({ clock, write: () => undefined }),
    metrics,
    retentionMilliseconds: options.retentionMilliseconds ?? 30 * dayMilliseconds,
    rawMilliseconds: options.rawMilliseconds ?? dayMilliseconds,
    maximumBytes: options.maximumBytes ?? 1e12,
    ...(options.eventsMilliseconds && { eventsMilliseconds: options.eventsMilliseconds }),
    ...(options.featuresMilliseconds && { featuresMilliseconds: options.featuresMilliseconds }),
    bounds: options.bounds ?? {},
  });
  return { ...history, metrics };
}

export function originOf(name: string, boot = "boot-1"): Origin {
  return { node: name, job: "test", instance: `${name}:1`, boot };
}

/** A schema of one group with one series per GPU. */
export function levelSchema(origin: Origin, gpus: readonly number[], version = 1): Schema {
  return {
    origin,
    version,
    groups: [{ source: "test", first: 0, length: gpus.length }],
    series: gpus.map((gpu) => ({ metric: level, values: [String(gpu)], device: null })),
  };
}

/** `null`: the series has no sample in this frame. */
export function frameAt(
  schema: Schema,
  sequence: number,
  timeMilliseconds: number,
  values: readonly (number | null)[],
  complete = true,
): Frame {
  const present = new Uint8Array((values.length + 7) >> 3);
  values.forEach((value, slot) => value !== null && setPresent(present, slot));
  return {
    schema,
    sequence,
    timestamps: new Float64Array(schema.groups.length).fill(timeMilliseconds),
    values: Float64Array.from(values, (value) => value ?? 0),
    present,
    complete,
  };
}

/** A query for `test_level`, in milliseconds. */
export function ask(
  start: number,
  step = 1000,
  points = 1,
  labels: Readonly<Record<string, string>> = {},
): Parameters<History["query"]>[0] {
  return {
    matcher: { metric: level.name, labels },
    range: { start: start * 1000, step: step * 1000, points },
  };
}

export interface StoredSample {
  readonly labels: string;
  readonly node: string;
  readonly milliseconds: number;
  /** null where the series ended. */
  readonly value: number | null;
}

/** Every sample that is stored, as often as it is stored. */
export async function storedSamples(folder: string): Promise<StoredSample[]> {
  return [...journalSamples(folder), ...(await parquetSamples(folder))];
}

export function journalSamples(folder: string): StoredSample[] {
  const samples: StoredSample[] = [];
  const sqlite = openSnapshot(folder);
  for (const row of sqlite.prepare("SELECT id FROM chain ORDER BY id").all()) {
    const stored = loadChain(sqlite, Number(row["id"]));
    if (!stored) continue;
    const read = createFrameReader(stored.repeated, ({ series }) => [...series.keys()]);
    for (const frame of decodeChain(stored.schemaBody, loadBodies(sqlite, Number(row["id"]))))
      read(frame, (slot, microseconds, value, ended) => {
        const { labels, node } = nameSeries(frame.schema, slot);
        const milliseconds = microseconds / 1000;
        samples.push({ labels, node, milliseconds, value: ended ? null : value });
      });
  }
  sqlite.close();
  return samples;
}

/** As a user's own tool would read them: the folder's Parquet files, with no regard to our list of them. */
export async function parquetSamples(folder: string): Promise<StoredSample[]> {
  if (!readdirSync(folder).some((name) => name.startsWith("day="))) return [];
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const result = await connection.runAndReadAll(
    `SELECT labels, node, epoch_us(time)::DOUBLE / 1000, value
     FROM read_parquet('${join(folder, "day=*", "*.parquet")}', hive_partitioning = true)`,
  );
  connection.closeSync();
  return result.getRows().map(([labels, node, milliseconds, value]) => ({
    labels: String(labels),
    node: String(node),
    milliseconds: Number(milliseconds),
    value: value === null ? null : Number(value),
  }));
}

/** What a folder takes on disk, but for what a child process is still writing. */
export function storedBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes(".scratch"))
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** The samples that are there more than once. */
export function repeatedSamples(samples: readonly StoredSample[]): string[] {
  const seen = new Set<string>();
  return samples
    .map(({ labels, node, milliseconds }) => `${node} ${labels} ${milliseconds}`)
    .filter((key) => seen.has(key) || (seen.add(key), false));
}

/** The value of one of the process's own metrics, as it stands in their text. */
export async function metricValue(metrics: SelfMetrics, series: string): Promise<number> {
  const text = await metrics.render("text");
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
}
