/** In the child process: a day's Parquet files become one with a row per series and minute, its newest sample among them. */
import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { LIST, listValue, VARCHAR } from "@duckdb/node-api";
import { fileChecksum } from "./checksum.ts";
import { openDuckDb } from "./duckdb.ts";
import type { CompactAnswer, RollUpJob } from "./job.ts";

export async function rollUp(job: RollUpJob): Promise<CompactAnswer> {
  const connection = await openDuckDb(job.scratch, job.memoryMebibytes);
  const name = "rolled-up.parquet";
  const file = join(job.scratch, name);
  const quoted = `'${file.replaceAll("'", "''")}'`;
  await connection.run(
    // Where a series ended within the minute its mark is the newest, and is kept as such.
    `COPY (
      SELECT max(time) AS time, metric, labels, node, arg_max_null(value, time) AS value,
        min(value) AS minimum, max(value) AS maximum, avg(value) AS mean, count(value) AS samples
      FROM read_parquet($files, hive_partitioning = false)
      GROUP BY metric, labels, node, epoch_us(time) // ${job.resolutionMilliseconds * 1000}
      ORDER BY metric, labels, node, time
    ) TO ${quoted} (FORMAT parquet, COMPRESSION zstd)`,
    { files: listValue([...job.files]) },
    { files: LIST(VARCHAR) },
  );
  const result = await connection.runAndReadAll(
    `SELECT count(*)::DOUBLE, (epoch_us(min(time)) / 1000)::DOUBLE, (epoch_us(max(time)) / 1000)::DOUBLE
     FROM read_parquet(${quoted})`,
  );
  const [rows = 0, firstTime = 0, lastTime = 0] = (result.getRows()[0] ?? []).map(Number);
  const descriptor = openSync(file, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
  const bytes = statSync(file).size;
  return {
    files: [{ name, day: job.day, firstTime, lastTime, rows, bytes, checksum: fileChecksum(file) }],
  };
}
