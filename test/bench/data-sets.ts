/** The data sets of the detector bench, as their README gives their forms; read from the folder named with --data. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gunzipSync } from "node:zlib";

/** Columns of one entity: `scored` rows from `firstScored` on carry labels, what is before may be learned from. */
export interface LabelledSeries {
  readonly name: string;
  readonly columns: readonly Float64Array[];
  readonly timesMilliseconds: Float64Array;
  readonly firstScored: number;
  /** Of the scored rows. */
  readonly labels: Uint8Array;
}

export interface WindowedStream {
  readonly name: string;
  readonly values: Float64Array;
  readonly timesMilliseconds: Float64Array;
  readonly windows: readonly (readonly [number, number])[];
}

const minute = 60_000;

export function readNab(folder: string): WindowedStream[] {
  const root = join(folder, "nab/data");
  const windows = JSON.parse(readText(join(folder, "nab/combined_windows.json"))) as Record<
    string,
    [string, string][]
  >;
  return listFiles(root).map((file) => {
    const rows = readRows(file).slice(1);
    const times = Float64Array.from(rows, ([time = ""]) => parseUtc(time));
    const name = relative(root, file).replace(/\.gz$/, "");
    const rowAt = (text: string): number => {
      const at = times.findIndex((time) => time >= parseUtc(text));
      return at < 0 ? times.length - 1 : at;
    };
    return {
      name,
      values: Float64Array.from(rows, ([, value]) => Number(value)),
      timesMilliseconds: times,
      windows: (windows[name] ?? []).map(([first, last]) => [rowAt(first), rowAt(last)] as const),
    };
  });
}

export function readKpi(folder: string): LabelledSeries[] {
  return listFiles(join(folder, "kpi")).map((file) => {
    const rows = readRows(file).slice(1);
    return {
      name: file,
      columns: [Float64Array.from(rows, ([, value]) => Number(value))],
      timesMilliseconds: Float64Array.from(rows, ([time]) => Number(time) * 1000),
      firstScored: 0,
      labels: Uint8Array.from(rows, ([, , label]) => Number(label)),
    };
  });
}

/** smd, asd and jumpstarter: a training part without labels, then a test part with them. */
export function readEntities(
  folder: string,
  set: string,
  stepMinutes: number,
  prefix = "",
): LabelledSeries[] {
  const root = join(folder, set);
  return readdirSync(root)
    .filter((file) => file.endsWith(".train.csv.gz") && file.startsWith(prefix))
    .map((file) => {
      const entity = file.replace(".train.csv.gz", "");
      const train = readRows(join(root, file));
      const test = readRows(join(root, `${entity}.test.csv.gz`));
      const rows = [...train, ...test];
      return {
        name: entity,
        columns: (rows[0] ?? []).map((_, column) =>
          Float64Array.from(rows, (row) => numberOf(row[column])),
        ),
        timesMilliseconds: Float64Array.from(rows, (_, row) => row * stepMinutes * minute),
        firstScored: train.length,
        labels: Uint8Array.from(readRows(join(root, `${entity}.label.txt.gz`)), ([label]) =>
          Number(label),
        ),
      };
    });
}

export function readInjectedGpus(folder: string): LabelledSeries[] {
  const root = join(folder, "gpu_injected");
  const faults = readRows(join(root, "labels.csv")).slice(1);
  return listFiles(root)
    .filter((file) => file.endsWith(".csv.gz"))
    .map((file) => {
      const name = relative(root, file).replace(".csv.gz", "");
      const rows = readRows(file).slice(1);
      const labels = new Uint8Array(rows.length);
      for (const [series, first, last] of faults)
        if (series === name) labels.fill(1, Number(first), Number(last) + 1);
      return {
        name,
        columns: [1, 2, 3].map((column) => Float64Array.from(rows, (row) => numberOf(row[column]))),
        timesMilliseconds: Float64Array.from(rows, ([time]) => Number(time) * 1000),
        firstScored: 0,
        labels,
      };
    });
}

export interface ServerFault {
  readonly node: number;
  readonly day: number;
  readonly isHardware: boolean;
}

export function readServerFaults(folder: string): ServerFault[] {
  return readRows(join(folder, "pdm/infinitehbd/events.csv"))
    .slice(1)
    .filter(([, , event]) => event === "fault_start")
    .map(([node, day, , level]) => ({
      node: Number(node),
      day: Number(day),
      isHardware: level === "Hardware Failure",
    }));
}

export function has(folder: string, part: string): boolean {
  return folder !== "" && existsSync(join(folder, part));
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".gz"))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

function readRows(file: string): string[][] {
  return readText(file)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.trim().split(","));
}

function readText(file: string): string {
  const bytes = readFileSync(file);
  return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

/** An empty cell is a sample that isn't there. */
function numberOf(cell: string | undefined): number {
  return cell === undefined || cell === "" ? Number.NaN : Number(cell);
}

function parseUtc(text: string): number {
  return Date.parse(`${text.slice(0, 19).replace(" ", "T")}Z`);
}
