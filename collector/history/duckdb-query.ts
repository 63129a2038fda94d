/** In the child process: out of Parquet files the newest sample of each step, or what all samples of a step come to. */
import { LIST, listValue, VARCHAR } from "@duckdb/node-api";
import { reachOf } from "./buckets.ts";
import { openDuckDb } from "./duckdb.ts";
import type { QueryAnswer, QueryJob, StoredSeries } from "./job.ts";
import { minuteColumns } from "./minute-columns.ts";

type Values = StoredSeries["values"][number][];

export async function query(job: QueryJob): Promise<QueryAnswer> {
  const { matcher, range } = job;
  const connection = await openDuckDb(job.scratch, job.memoryMebibytes);
  const labels = Object.entries(matcher.labels);
  const last = range.start + (range.points - 1) * range.step;
  const isLast = job.aggregate === "last";
  const result = await connection.runAndReadAll(
    isLast ? newestStatement(job) : bucketStatement(job),
    {
      files: listValue([...job.files]),
      metric: matcher.metric,
      after: range.start - reachOf(job.aggregate, range.step),
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
  const columns = result.getColumns();
  return { series: isLast ? group(columns) : groupBuckets(columns) };
}

function newestStatement(job: QueryJob): string {
  return `
    SELECT labels, node, max(instant)::DOUBLE AS newest, arg_max(value, instant), arg_max(ended, instant)
    FROM (
      SELECT labels, node, epoch_us(time) AS instant, coalesce(value, 0) AS value, value IS NULL AS ended
      ${sampleRows(job)}
    )
    GROUP BY labels, node, greatest(0, ceil((instant - $start::BIGINT) / $step::BIGINT))
    ORDER BY labels, node, newest
    LIMIT ${job.rows + 1}`;
}

/** NaN is no number: it counts as a sample alone. */
function bucketStatement(job: QueryJob): string {
  return `
    SELECT labels, node, ceil((instant - $start::BIGINT) / $step::BIGINT)::DOUBLE AS bucket,
      min(minimum) FILTER (NOT isnan(minimum)), max(maximum) FILTER (NOT isnan(maximum)),
      sum(mean * samples) FILTER (NOT isnan(mean)),
      coalesce(sum(samples) FILTER (NOT isnan(mean)), 0)::DOUBLE, sum(samples)::DOUBLE
    FROM (
      SELECT labels, node, epoch_us(time) AS instant, ${minuteColumns(job.hasRolledUp)}
      ${sampleRows(job)}
    )
    WHERE samples > 0
    GROUP BY labels, node, bucket
    ORDER BY labels, node, bucket
    LIMIT ${job.rows + 1}`;
}

/** Labels are asked for by path in their JSON; `node` is the column unless the metric has such a label. */
function sampleRows({ matcher }: QueryJob): string {
  const conditions = Array.from(
    Object.keys(matcher.labels),
    (_, index) =>
      `AND coalesce(json_extract_string(labels, $path${index}), CASE WHEN $isNode${index} THEN node ELSE '' END) = $value${index}`,
  );
  return `
      FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
      WHERE metric = $metric
        AND time > make_timestamp($after::BIGINT)::TIMESTAMPTZ
        AND time <= make_timestamp($until::BIGINT)::TIMESTAMPTZ
        ${conditions.join("\n        ")}`;
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

function groupBuckets(columns: readonly (readonly unknown[])[]): StoredSeries[] {
  const [labels = [], nodes = [], steps = [], ...fields] = columns;
  const series: (StoredSeries & { times: number[]; buckets: Values[] })[] = [];
  labels.forEach((text, row) => {
    const [name, node] = [String(text), String(nodes[row])];
    const known = series.at(-1);
    const isSame = known?.labels === name && known.node === node;
    const last = isSame ? known : { labels: name, node, times: [], values: [], buckets: [] };
    if (!isSame) series.push(last);
    last.times.push(Number(steps[row]));
    last.buckets.push(fields.map((field) => encodeNumber(Number(field[row] ?? 0))));
  });
  return series;
}

function encodeNumber(value: number): number | string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}
