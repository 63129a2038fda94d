/** In the child process: chains of the journal become Parquet files, one per day, sorted by metric, labels and time. */
import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  DOUBLE,
  DuckDBDataChunk,
  INTEGER,
  type DuckDBConnection,
  type DuckDBDoubleVector,
  type DuckDBIntegerVector,
} from "@duckdb/node-api";
import { WarpwatchError } from "../../core/kit/errors.ts";
import { createFrameReader, decodeChain, loadBodies, loadChain } from "./chain-reader.ts";
import { openSnapshot } from "./database.ts";
import { fileChecksum } from "./checksum.ts";
import { openDuckDb } from "./duckdb.ts";
import type { CompactAnswer, CompactJob, WrittenFile } from "./job.ts";
import { nameSeries, type SeriesName } from "./sample.ts";
import { compareNames } from "./steps.ts";

const dayMicroseconds = 86_400_000_000;
/** DuckDB's own size of a vector. */
const chunkRows = 2048;

/** Samples in the order they were read. */
interface Columns {
  length: number;
  readonly series: Int32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly ended: Uint8Array;
  readonly names: SeriesName[];
  /** Frames that could be read. */
  frames: number;
  /** Of chains that couldn't be read to their end. */
  readonly complaints: string[];
}

export async function compact(job: CompactJob): Promise<CompactAnswer> {
  const columns = readChains(job);
  const { rank, names } = rankSeries(columns.names);
  const order = sortSamples(columns, rank);
  const connection = await openDuckDb(job.scratch, job.memoryMebibytes);
  await writeNames(connection, names);
  const days = new Set<number>();
  for (const sample of order) days.add(dayOf(columns, sample));
  const files: WrittenFile[] = [];
  for (const day of [...days].toSorted((one, other) => one - other))
    files.push(await writeDay(connection, job, columns, rank, order, day));
  const [sentence] = columns.complaints;
  if (sentence === undefined) return { files };
  return { files, damaged: { frames: Math.max(1, job.frames - columns.frames), sentence } };
}

function readChains(job: CompactJob): Columns {
  const columns: Columns = {
    length: 0,
    // The kernel gives memory only to what is written.
    series: new Int32Array(job.samples),
    times: new Float64Array(job.samples),
    values: new Float64Array(job.samples),
    ended: new Uint8Array(job.samples),
    names: [],
    frames: 0,
    complaints: [],
  };
  const known = new Map<string, number>();
  const number = (name: SeriesName): number => {
    const key = JSON.stringify(name);
    let found = known.get(key);
    if (found === undefined) {
      found = columns.names.push(name) - 1;
      known.set(key, found);
    }
    return found;
  };
  const notBefore = job.notBefore * 1000;
  const sqlite = openSnapshot(job.folder);
  for (const chain of job.chains)
    try {
      readChain(chain);
    } catch (thrown) {
      if (!(thrown instanceof WarpwatchError)) throw thrown;
      // What was read of it before is sound; the rest can't be told from it.
      columns.complaints.push(thrown.message);
    }

  function readChain(chain: number): void {
    const stored = loadChain(sqlite, chain);
    if (!stored) return;
    let numbers: number[] = [];
    const read = createFrameReader(stored.repeated, (schema) => {
      numbers = schema.series.map((_, slot) => number(nameSeries(schema, slot)));
      return [...numbers.keys()];
    });
    for (const frame of decodeChain(stored.schemaBody, loadBodies(sqlite, chain))) {
      columns.frames += 1;
      read(frame, (slot, time, value, ended) => {
        if (time < notBefore) return;
        const at = columns.length;
        if (at >= job.samples) throw new Error(`there are more than ${job.samples} samples`);
        columns.series[at] = numbers[slot] ?? 0;
        columns.times[at] = time;
        columns.values[at] = value;
        columns.ended[at] = ended ? 1 : 0;
        columns.length = at + 1;
      });
    }
  }

  sqlite.close();
  return columns;
}

/** Per series its place among all of them in the files' order. */
function rankSeries(names: readonly SeriesName[]): { rank: Int32Array; names: SeriesName[] } {
  const order = names
    .map((_, index) => index)
    .sort((one, other) => compareNames(names[one] as SeriesName, names[other] as SeriesName));
  const rank = new Int32Array(names.length);
  order.forEach((series, place) => {
    rank[series] = place;
  });
  return { rank, names: order.map((series) => names[series] as SeriesName) };
}

/** The samples by series and time, each time of a series once: what was read last counts. */
function sortSamples(columns: Columns, rank: Int32Array): Int32Array {
  const { length, series, times } = columns;
  const ends = new Int32Array(rank.length + 1);
  for (let at = 0; at < length; at += 1) ends[(rank[series[at] ?? 0] ?? 0) + 1]! += 1;
  for (let place = 1; place < ends.length; place += 1) ends[place]! += ends[place - 1] ?? 0;
  const starts = ends.slice();
  const sorted = new Int32Array(length);
  for (let at = 0; at < length; at += 1) {
    const place = rank[series[at] ?? 0] ?? 0;
    sorted[starts[place]!++] = at;
  }
  let kept = 0;
  for (let place = 0; place < rank.length; place += 1) {
    const own = sorted.subarray(ends[place], ends[place + 1]);
    if (!isRising(own, times)) own.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
    own.forEach((sample, index) => {
      const next = own[index + 1];
      if (next !== undefined && times[next] === times[sample]) return;
      sorted[kept] = sample;
      kept += 1;
    });
  }
  return sorted.subarray(0, kept);
}

function isRising(samples: Int32Array, times: Float64Array): boolean {
  for (let index = 1; index < samples.length; index += 1)
    if ((times[samples[index] ?? 0] ?? 0) < (times[samples[index - 1] ?? 0] ?? 0)) return false;
  return true;
}

async function writeNames(
  connection: DuckDBConnection,
  names: readonly SeriesName[],
): Promise<void> {
  await connection.run(
    "CREATE TABLE series (id INTEGER, metric VARCHAR, labels VARCHAR, node VARCHAR)",
  );
  const appender = await connection.createAppender("series");
  names.forEach(({ metric, labels, node }, id) => {
    appender.appendInteger(id);
    appender.appendVarchar(metric);
    appender.appendVarchar(labels);
    appender.appendVarchar(node);
    appender.endRow();
  });
  appender.closeSync();
}

async function writeDay(
  connection: DuckDBConnection,
  job: CompactJob,
  columns: Columns,
  rank: Int32Array,
  order: Int32Array,
  day: number,
): Promise<WrittenFile> {
  await connection.run("CREATE OR REPLACE TABLE sample (id INTEGER, instant DOUBLE, value DOUBLE)");
  const append = await createSampleAppender(connection);
  let first = Infinity;
  let last = 0;
  for (const sample of order) {
    if (dayOf(columns, sample) !== day) continue;
    const time = columns.times[sample] ?? 0;
    if (time < first) first = time;
    if (time > last) last = time;
    const value = columns.ended[sample] === 1 ? null : (columns.values[sample] ?? Number.NaN);
    append.row(rank[columns.series[sample] ?? 0] ?? 0, time, value);
  }
  const rows = append.close();
  const date = new Date((day * dayMicroseconds) / 1000).toISOString().slice(0, 10);
  const name = `${date}.parquet`;
  const file = join(job.scratch, name);
  // One thread keeps the order of the samples through the join.
  await connection.run(`COPY (
      SELECT make_timestamp(instant::BIGINT)::TIMESTAMPTZ AS time, metric, labels, node, value
      FROM sample JOIN series USING (id)
    ) TO '${file.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`);
  const descriptor = openSync(file, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
  const bytes = statSync(file).size;
  return {
    name,
    day: date,
    firstTime: first / 1000,
    lastTime: last / 1000,
    rows,
    bytes,
    checksum: fileChecksum(file),
  };
}

/** Rows go to DuckDB a vector at a time: row by row takes three times as long. */
async function createSampleAppender(connection: DuckDBConnection) {
  const appender = await connection.createAppender("sample");
  const chunk = DuckDBDataChunk.create([INTEGER, DOUBLE, DOUBLE], chunkRows);
  const ids = chunk.getColumnVector(0) as DuckDBIntegerVector;
  const times = chunk.getColumnVector(1) as DuckDBDoubleVector;
  const values = chunk.getColumnVector(2) as DuckDBDoubleVector;
  let rows = 0;
  let filled = 0;

  function flush(): void {
    if (filled === 0) return;
    for (const vector of [ids, times, values]) vector.flush();
    chunk.rowCount = filled;
    appender.appendDataChunk(chunk);
    rows += filled;
    filled = 0;
  }

  return {
    row(id: number, time: number, value: number | null): void {
      ids.setItem(filled, id);
      times.setItem(filled, time);
      values.setItem(filled, value);
      filled += 1;
      if (filled === chunkRows) flush();
    },
    close(): number {
      flush();
      appender.closeSync();
      return rows;
    },
  };
}

function dayOf(columns: Columns, sample: number): number {
  return Math.floor((columns.times[sample] ?? 0) / dayMicroseconds);
}
