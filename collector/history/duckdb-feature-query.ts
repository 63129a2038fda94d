/** In the child process: daily features out of their files, the oldest day first. */
import { LIST, listValue, VARCHAR } from "@duckdb/node-api";
import { openDuckDb } from "./duckdb.ts";
import type { FeatureQueryAnswer, FeatureQueryJob, FeatureRow } from "./job.ts";

export async function queryFeatures(job: FeatureQueryJob): Promise<FeatureQueryAnswer> {
  const connection = await openDuckDb(job.scratch, job.memoryMebibytes);
  const result = await connection.runAndReadAll(
    `SELECT day::VARCHAR AS day, node, kind, device, metric, labels, minimum, maximum, mean, last,
       samples::DOUBLE AS samples, increase, resets::DOUBLE AS resets
     FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
     WHERE ($node = '' OR node = $node) AND ($device = '' OR device = $device)
       AND ($metric = '' OR metric = $metric)
     ORDER BY day, node, kind, device, metric, labels
     LIMIT ${job.rows + 1} OFFSET ${job.skip}`,
    {
      files: listValue([...job.files]),
      node: job.node,
      device: job.device,
      metric: job.metric,
    },
    { files: LIST(VARCHAR) },
  );
  return { rows: result.getRowObjectsJS() as unknown as FeatureRow[] };
}
