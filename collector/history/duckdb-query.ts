/** In the child process: the newest sample of each step out of Parquet files. */
import { LIST, listValue, VARCHAR } from "@duckdb/node-api";
import { openDuckDb } from "./duckdb.ts";
import type { QueryAnswer, QueryJob, StoredSeries } from "./job.ts";
import { lookBackMicroseconds } from "./steps.ts";

type Values = StoredSeries["values"][number][];

export async function query(job: QueryJob): Promise<QueryAnswer> {
  const { matcher, range } = job;
  const connection = await openDuckDb(job.scratch, job.memoryMebibytes);
  const labels = Object.entries(matcher.labels);
  const last = range.start + (range.points - 1) * range.step;
  const result = await connection.runAndReadAll(
    statement(labels.length, job.rows),
    {
      files: listValue([...job.files]),
      metric: matcher.metric,
      after: range.start - lookBackMicroseconds,
      until: last,
      start: range.start,
      step: range.step,
      ...Object.fromEntries(
        labels.flatMap(([name, value], index) => [
          [`path${index}`, `$.${name}`],
          [`isNode${index}`, name === "node"],
          [`value${index}`, value],
        ]),
      ),
    },
    { files: LIST(VARCHAR) },
  );
  return { series: group(result.getColumns()) };
}

/** Labels are asked for by path in their JSON; `node` is the column unless the metric has such a label. */
function statement(labels: number, rows: number): string {
  const conditions = Array.from(
    { length: labels },
    (_, index) =>
      `AND coalesce(json_extract_string(labels, $path${index}), CASE WHEN $isNode${index} THEN node ELSE '' END) = $value${index}`,
  );
  return `
    SELECT labels, node, max(instant)::DOUBLE AS newest, arg_max(value, instant), arg_max(ended, instant)
    FROM (
      SELECT labels, node, epoch_us(time) AS instant, coalesce(value, 0) AS value, value IS NULL AS ended
      FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
      WHERE metric = $metric
        AND time > make_timestamp($after::BIGINT)::TIMESTAMPTZ
        AND time <= make_timestamp($until::BIGINT)::TIMESTAMPTZ
        ${conditions.join("\n        ")}
    )
    GROUP BY labels, node, greatest(0, ceil((instant - $start::BIGINT) / $step::BIGINT))
    ORDER BY labels, node, newest
    LIMIT ${rows + 1}`;
}

function group(columns: readonly (readonly unknown[])[]): StoredSeries[] {
  const [labels = [], nodes = [], times = [], values = [], ended = []] = columns;
  const series: { labels: string; node: string; times: number[]; values: Values }[] = [];
  labels.forEach((text, row) => {
    const [name, node] = [String(text), String(nodes[row])];
    const known = series.at(-1);
    const isSame = known?.labels === name && known.node === node;
    const last = isSame ? known : { labels: name, node, times: [], values: [] };
    if (!isSame) series.push(last);
    last.times.push(Number(times[row]));
    last.values.push(ended[row] === true ? null : encodeNumber(Number(values[row])));
  });
  return series;
}

function encodeNumber(value: number): number | string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}
