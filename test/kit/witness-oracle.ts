/** Holds what a collector has on disk, and whom it told, against what the witness sent and was acknowledged. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DuckDBInstance, LIST, listValue, VARCHAR } from "@duckdb/node-api";
import {
  createFrameReader,
  decodeChain,
  loadBodies,
  loadChain,
} from "../../collector/history/chain-reader.ts";
import { databaseName, openSnapshot } from "../../collector/history/database.ts";
import { listParquetFiles } from "../../collector/history/files.ts";
import { nameSeries } from "../../collector/history/sample.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Incident } from "./receivers.ts";
import {
  alarmSummary,
  levelMetric,
  witnessGpus,
  witnessValue,
  type WitnessNode,
} from "./witness.ts";

/** One row of a series as it is stored: of one sample, or of all in a minute. */
interface StoredRow {
  readonly metric: string;
  readonly labels: string;
  readonly node: string;
  readonly milliseconds: number;
  readonly value: number | null;
  /** 0: it is a sample; otherwise how many samples it stands for. */
  readonly samples: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
}

/** What was acknowledged at the moment in question; by default, by now. */
export interface Acknowledged {
  frame(node: number, sequence: number): boolean;
  event(node: number, sequence: number): boolean;
}

const minuteMilliseconds = 60_000;
const maximumFaults = 20;

function acknowledgedNow(nodes: readonly WitnessNode[]): Acknowledged {
  return {
    frame: (node, sequence) => nodes[node]?.frames[sequence]?.acknowledged ?? false,
    event: (node, sequence) => nodes[node]?.events[sequence - 1]?.acknowledged ?? false,
  };
}

/** What is wrong with the history in the folder, a sentence each. No collector may use it meanwhile. */
export async function judgeHistory(
  folder: string,
  nodes: readonly WitnessNode[],
  acknowledged: Acknowledged = acknowledgedNow(nodes),
): Promise<string[]> {
  const faults: string[] = [];
  let rows: StoredRow[];
  try {
    rows = [...journalRows(folder), ...(await fileRows(folder))];
  } catch (thrown) {
    return [`what is on the list can't be read: ${describeError(thrown)}`];
  }
  const bySeries = Map.groupBy(
    rows.filter(({ metric, value }) => metric === levelMetric && value !== null),
    ({ node, labels }) => `${node} ${(JSON.parse(labels) as { gpu: string }).gpu}`,
  );
  nodes.forEach((node, index) => {
    for (const gpu of witnessGpus) {
      const own = bySeries.get(`${node.name} ${gpu}`) ?? [];
      const isSure = (sequence: number): boolean => acknowledged.frame(index, sequence);
      faults.push(...judgeSeries(`${node.name}/${gpu}`, node, gpu, own, isSure));
    }
  });
  faults.push(...judgeEvents(folder, nodes, acknowledged));
  return faults.slice(0, maximumFaults);
}

function journalRows(folder: string): StoredRow[] {
  const rows: StoredRow[] = [];
  const alone = { samples: 0, minimum: 0, maximum: 0, mean: 0 };
  const sqlite = openSnapshot(folder);
  for (const { id } of sqlite.prepare("SELECT id FROM chain ORDER BY id").all()) {
    const stored = loadChain(sqlite, Number(id));
    if (!stored) continue;
    const read = createFrameReader(stored.repeated, ({ series }) => [...series.keys()]);
    for (const frame of decodeChain(stored.schemaBody, loadBodies(sqlite, Number(id))))
      read(frame, (slot, microseconds, value, ended) => {
        const name = nameSeries(frame.schema, slot);
        const time = { milliseconds: microseconds / 1000 };
        rows.push({ ...name, ...time, value: ended ? null : value, ...alone });
      });
  }
  sqlite.close();
  return rows;
}

/** Of the files that count; those that a crash left over don't. */
async function fileRows(folder: string): Promise<StoredRow[]> {
  const sqlite = openSnapshot(folder);
  const files = listParquetFiles(sqlite).map(({ file }) => join(folder, file));
  sqlite.close();
  if (files.length === 0) return [];
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const rolledUp = "0 AS samples, 0 AS minimum, 0 AS maximum, 0 AS mean";
  await connection.run(`CREATE TABLE none AS SELECT ${rolledUp} LIMIT 0`);
  const result = await connection.runAndReadAll(
    `SELECT metric, labels, node, epoch_us(time)::DOUBLE / 1000, value,
       coalesce(samples, 0)::DOUBLE, coalesce(minimum, 0), coalesce(maximum, 0), coalesce(mean, 0)
     FROM (SELECT * FROM read_parquet($files, union_by_name = true, hive_partitioning = false)
           UNION ALL BY NAME SELECT * FROM none)`,
    { files: listValue(files) },
    { files: LIST(VARCHAR) },
  );
  connection.closeSync();
  instance.closeSync();
  return result.getRows().map((row) => ({
    metric: String(row[0]),
    labels: String(row[1]),
    node: String(row[2]),
    milliseconds: Number(row[3]),
    value: row[4] === null ? null : Number(row[4]),
    samples: Number(row[5]),
    minimum: Number(row[6]),
    maximum: Number(row[7]),
    mean: Number(row[8]),
  }));
}

function judgeSeries(
  name: string,
  { frames }: WitnessNode,
  gpu: number,
  rows: readonly StoredRow[],
  isSure: (sequence: number) => boolean,
): string[] {
  const faults: string[] = [];
  const sequences = new Map(frames.map(({ time }, sequence) => [time, sequence]));
  const raw = new Set<number>();
  for (const { milliseconds, value, samples } of rows) {
    const sequence = sequences.get(milliseconds);
    if (sequence === undefined) faults.push(`${name}: a sample at ${milliseconds} was never sent`);
    else if (value !== witnessValue(sequence, gpu))
      faults.push(`${name}: sample ${sequence} is ${value}, not ${witnessValue(sequence, gpu)}`);
    else if (samples === 0 && raw.has(sequence)) faults.push(`${name}: ${sequence} is there twice`);
    else if (samples === 0) raw.add(sequence);
  }
  const minutes = Map.groupBy(
    rows.filter(({ samples }) => samples > 0),
    ({ milliseconds }) => Math.floor(milliseconds / minuteMilliseconds),
  );
  const sent = Map.groupBy(frames.keys(), (sequence) =>
    Math.floor((frames[sequence]?.time ?? 0) / minuteMilliseconds),
  );
  for (const [minute, inMinute] of sent) {
    const rolled = minutes.get(minute);
    const sure = inMinute.filter((sequence) => isSure(sequence));
    if (rolled)
      faults.push(...judgeMinute(`${name} minute ${minute}`, gpu, rolled, inMinute, sure, raw));
    else
      for (const sequence of sure)
        if (!raw.has(sequence)) faults.push(`${name}: ${sequence} was acknowledged and is lost`);
  }
  return faults;
}

/** Samples that are still there by themselves count too: they came after the day was rolled up. */
function judgeMinute(
  name: string,
  gpu: number,
  rolled: readonly StoredRow[],
  sent: readonly number[],
  sure: readonly number[],
  raw: ReadonlySet<number>,
): string[] {
  const alone = sent.filter((sequence) => raw.has(sequence));
  const total = (of: (row: StoredRow) => number): number =>
    rolled.reduce((sum, row) => sum + of(row), 0);
  const count = alone.length + total(({ samples }) => samples);
  const sum =
    alone.reduce((all, sequence) => all + witnessValue(sequence, gpu), 0) +
    total(({ mean, samples }) => mean * samples);
  if (count < sure.length) return [`${name}: ${count} samples of ${sure.length} acknowledged`];
  if (count > sent.length) return [`${name}: ${count} samples, and only ${sent.length} were sent`];
  const most = sent.map((sequence) => witnessValue(sequence, gpu));
  if (count === sent.length) {
    const expected = most.reduce((all, value) => all + value, 0);
    if (Math.abs(sum - expected) > 1e-6 * expected + 1e-6)
      return [`${name}: the values add up to ${sum}, not ${expected}`];
  }
  const isOutside = rolled.some(
    ({ minimum, maximum }) => !most.includes(minimum) || !most.includes(maximum),
  );
  return isOutside ? [`${name}: a minimum or maximum was never sent`] : [];
}

function judgeEvents(
  folder: string,
  nodes: readonly WitnessNode[],
  acknowledged: Acknowledged,
): string[] {
  const faults: string[] = [];
  const sqlite = new DatabaseSync(join(folder, databaseName), { readOnly: true });
  const rows = sqlite.prepare("SELECT node, sequence, body FROM event").all();
  sqlite.close();
  const stored = Map.groupBy(rows, (row) => `${String(row["node"])} ${Number(row["sequence"])}`);
  nodes.forEach(({ name, events }, index) => {
    for (const { event } of events) {
      const found = stored.get(`${name} ${event.sequence}`) ?? [];
      if (found.length > 1) faults.push(`${name}: event ${event.sequence} is there twice`);
      if (found.length === 0 && acknowledged.event(index, event.sequence))
        faults.push(`${name}: event ${event.sequence} was acknowledged and is lost`);
      const [body] = found.map((row) => JSON.parse(String(row["body"])) as { text: string });
      if (body && body.text !== event.text) faults.push(`${name}: event ${event.sequence} changed`);
    }
  });
  return faults;
}

/** Each time that an alarm went up is one incident, begun with the first sample that the collector had of it. */
export function judgeIncidents(
  nodes: readonly WitnessNode[],
  incidents: readonly Incident[],
): string[] {
  return nodes.flatMap(({ name, cycles }) => {
    const told = incidents.filter(({ summary }) => summary === alarmSummary(name));
    const faults: string[] = [];
    if (told.length !== cycles.length)
      faults.push(`${name}: ${told.length} incidents for ${cycles.length} alarms`);
    told.forEach(({ timestampMilliseconds: began, resolvedAtMilliseconds }, index) => {
      const { firstSent = 0, firstAcknowledged = 0 } = cycles[index] ?? {};
      const latest = firstAcknowledged === 0 ? Infinity : firstAcknowledged;
      if (began < firstSent || began > latest)
        faults.push(`${name}: alarm ${index} of ${firstSent} to ${latest} was told as of ${began}`);
      if (resolvedAtMilliseconds === 0) faults.push(`${name}: incident ${index} stayed open`);
    });
    return faults;
  });
}
