/** In the child process: a day's samples and events become a row per device and metric. */
import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { LIST, listValue, VARCHAR, type DuckDBConnection } from "@duckdb/node-api";
import type { EventKind } from "../../core/wire/event.ts";
import { fileChecksum } from "./checksum.ts";
import { openSnapshot } from "./database.ts";
import { openDuckDb } from "./duckdb.ts";
import {
  eventDevices,
  featureMetrics,
  leftOutDevices,
  type FeatureDevice,
  type FeatureMetric,
} from "./feature-metrics.ts";
import type { FeaturesAnswer, FeaturesJob } from "./job.ts";
import { minuteColumns } from "./minute-columns.ts";
import { lookBackMicroseconds } from "./steps.ts";

const dayMilliseconds = 86_400_000;
/** What a counter's samples are sorted in at a time; a metric with more is taken in parts. */
const rowsAtOnce = 4_000_000;

/** The label that names the device. */
const deviceColumn: Readonly<Record<FeatureDevice, string>> = {
  gpu: "coalesce(json_extract_string(labels, '$.UUID'), json_extract_string(labels, '$.gpu'), '')",
  drive: "coalesce(json_extract_string(labels, '$.device'), '')",
  nic: "coalesce(json_extract_string(labels, '$.device'), '')",
  node: "''",
};

export async function makeFeatures(job: FeaturesJob): Promise<FeaturesAnswer> {
  const connection = await openDuckDb(job.scratch, job.memoryMebibytes);
  await connection.run(`CREATE TABLE feature (
    day DATE, node VARCHAR, kind VARCHAR, device VARCHAR, metric VARCHAR, labels VARCHAR,
    minimum DOUBLE, maximum DOUBLE, mean DOUBLE, last DOUBLE, samples BIGINT, increase DOUBLE, resets BIGINT)`);
  const counts = await countSamples(connection, job);
  for (const wanted of featureMetrics) {
    const parts = Math.ceil((counts.get(wanted.metric) ?? 0) / rowsAtOnce);
    for (let part = 0; part < parts; part += 1)
      await addMetric(connection, job, wanted, parts, part);
  }
  await addEvents(connection, job);
  return writeFile(connection, job);
}

/** The day's rows by metric: the files are sorted by it, so that most of them is never read. */
async function countSamples(
  connection: DuckDBConnection,
  job: FeaturesJob,
): Promise<Map<string, number>> {
  const result = await connection.runAndReadAll(
    `SELECT metric, count(*)::DOUBLE FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
     WHERE list_contains($metrics, metric) GROUP BY metric`,
    {
      files: listValue([...job.files]),
      metrics: listValue(featureMetrics.map(({ metric }) => metric)),
    },
    { files: LIST(VARCHAR), metrics: LIST(VARCHAR) },
  );
  return new Map(result.getRows().map(([metric, rows]) => [String(metric), Number(rows)]));
}

async function addMetric(
  connection: DuckDBConnection,
  job: FeaturesJob,
  { metric, device, isCounter }: FeatureMetric,
  parts: number,
  part: number,
): Promise<void> {
  const begin = Date.parse(job.day) * 1000;
  const named = device === "drive" || device === "nic";
  await connection.run(
    `INSERT INTO feature
     WITH sample AS (
       SELECT labels, node, time, value, ${minuteColumns(job.hasRolledUp)}
       FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
       WHERE metric = $metric
         AND time > make_timestamp($after::BIGINT)::TIMESTAMPTZ
         AND time < make_timestamp($until::BIGINT)::TIMESTAMPTZ
         AND hash(labels, node) % ${parts} = ${part}
         ${named ? `AND NOT regexp_full_match(${deviceColumn[device]}, '${leftOutDevices}')` : ""}
     ), compared AS (
       SELECT *, CASE WHEN isfinite(value) THEN value END AS number, ${isCounter ? countedBefore : "NULL"} AS before
       FROM sample
     )
     SELECT $day::DATE, CASE WHEN node = '' THEN coalesce(json_extract_string(labels, '$.instance'), '') ELSE node END,
       '${device}', ${deviceColumn[device]}, $metric, labels,
       min(minimum) FILTER (isfinite(minimum)), max(maximum) FILTER (isfinite(maximum)),
       (sum(mean * samples) FILTER (isfinite(mean))) / (sum(samples) FILTER (isfinite(mean))),
       arg_max(number, time) FILTER (number IS NOT NULL), sum(samples)::BIGINT,
       ${isCounter ? "coalesce(sum(CASE WHEN number < before THEN number ELSE number - before END), 0)" : "NULL"},
       ${isCounter ? "count(*) FILTER (number < before)" : "NULL"}
     FROM compared
     WHERE time >= make_timestamp($begin::BIGINT)::TIMESTAMPTZ AND coalesce(value, minimum) IS NOT NULL
     GROUP BY labels, node`,
    {
      files: listValue([...job.files]),
      metric,
      day: job.day,
      begin,
      // The last sample before midnight says where a counter stood.
      after: isCounter ? begin - lookBackMicroseconds : begin - 1,
      until: begin + dayMilliseconds * 1000,
    },
    { files: LIST(VARCHAR) },
  );
}

/** Where a counter stood; a minute with none before it grew from its own least. */
const countedBefore = `coalesce(
  lag(CASE WHEN isfinite(value) THEN value END IGNORE NULLS) OVER (PARTITION BY labels, node ORDER BY time),
  minimum)`;

async function addEvents(connection: DuckDBConnection, job: FeaturesJob): Promise<void> {
  const begin = Date.parse(job.day);
  const sqlite = openSnapshot(job.folder);
  const counted = sqlite
    .prepare(
      `SELECT node, device, kind, coalesce(json_extract(body, '$.fields.xid'), '') AS xid, count(*) AS events
       FROM event WHERE time >= ? AND time < ? GROUP BY node, device, kind, xid
       ORDER BY node, device, kind, xid LIMIT ?`,
    )
    .all(begin, begin + dayMilliseconds, job.rows + 1);
  sqlite.close();
  const appender = await connection.createAppender("feature");
  for (const row of counted) {
    const [device, xid] = [String(row["device"]), String(row["xid"])];
    const kind = device === "" ? "node" : (eventDevices[row["kind"] as EventKind] ?? "node");
    appender.appendDefault();
    for (const text of [String(row["node"]), kind, device, `event:${String(row["kind"])}`])
      appender.appendVarchar(text);
    appender.appendVarchar(xid === "" ? "{}" : JSON.stringify({ xid }));
    for (let column = 0; column < 4; column += 1) appender.appendNull();
    appender.appendBigInt(BigInt(Number(row["events"])));
    appender.appendDouble(Number(row["events"]));
    appender.appendNull();
    appender.endRow();
  }
  appender.closeSync();
  await connection.run("UPDATE feature SET day = $day::DATE WHERE day IS NULL", { day: job.day });
}

async function writeFile(connection: DuckDBConnection, job: FeaturesJob): Promise<FeaturesAnswer> {
  const name = "features.parquet";
  const path = join(job.scratch, name);
  await connection.run(`COPY (
      SELECT * FROM feature ORDER BY node, kind, device, metric, labels LIMIT ${job.rows}
    ) TO '${path.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`);
  const result = await connection.runAndReadAll("SELECT count(*)::DOUBLE FROM feature");
  const found = Number(result.getRows()[0]?.[0] ?? 0);
  const descriptor = openSync(path, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
  const rows = Math.min(found, job.rows);
  const file = { name, rows, bytes: statSync(path).size, checksum: fileChecksum(path) };
  return { file, dropped: found - rows };
}
