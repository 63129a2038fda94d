/** Metrics that other programs leave in *.prom files, in Prometheus' text format: each file is taken whole or not at all. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { textfileError, textfileMtime } from "../../../core/catalog/textfile.ts";
import { openMetric, type Metric } from "../../../core/catalog/metric.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import { createExpositionParser } from "../../../core/wire/parse.ts";
import { absent, type Source } from "../source.ts";
import { createSampleReader } from "./sample-reader.ts";

interface Sample {
  readonly metric: Metric;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface TextFile {
  /** What tells a file that was written anew: time, size and inode. */
  readonly stamp: string;
  readonly modifiedSeconds: number;
  /** Null where it was refused. */
  readonly samples: readonly Sample[] | null;
}

const maximumFiles = 200;
const maximumBytes = 4 * 1024 * 1024;
const maximumSeriesPerFile = 5000;

/** `folder` is empty where none was named. */
export function createTextfileSource(folder: string): Source {
  return {
    name: "textfile",
    metrics: [textfileMtime, textfileError],
    sampling: "fast",
    open({ log }) {
      if (folder === "") return absent("no folder is named: --collector.textfile.directory");
      let files = new Map<string, TextFile>();
      return createSampleReader((add) => {
        const paths = listFiles(folder, log);
        files = new Map(
          (paths ?? []).flatMap((path) => {
            const file = readAgain(path, files.get(path), log);
            return file ? [[path, file]] : [];
          }),
        );
        let refused = paths === null;
        for (const [path, { samples, modifiedSeconds }] of files) {
          if (samples === null) refused = true;
          else add(textfileMtime, { file: path }, modifiedSeconds);
          for (const { metric, labels, value } of samples ?? []) add(metric, labels, value);
        }
        add(textfileError, {}, refused ? 1 : 0);
      });
    },
  };
}

/** Null where the folder can't be read. */
function listFiles(folder: string, log: Log): string[] | null {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".prom"))
      .sort()
      .slice(0, maximumFiles)
      .map((name) => join(folder, name));
  } catch (error) {
    log.warn("the folder of metrics files can't be read", {
      source: "textfile",
      folder,
      reason: describeError(error),
    });
    return null;
  }
}

/** The file as it was where nothing was written since; null where it went between listing and reading. */
function readAgain(path: string, before: TextFile | undefined, log: Log): TextFile | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  const stamp = `${found.mtimeMs} ${found.size} ${found.ino}`;
  if (before?.stamp === stamp) return before;
  const modifiedSeconds = Math.floor(found.mtimeMs / 1000);
  try {
    // What isn't a file, a pipe above all, could be waited for forever.
    if (!found.isFile()) throw new Error("it isn't a file");
    if (found.size > maximumBytes) throw new Error(`it is larger than ${maximumBytes} bytes`);
    return { stamp, modifiedSeconds, samples: parse(readFileSync(path)) };
  } catch (error) {
    log.warn("a metrics file was left out", { file: path, reason: describeError(error) });
    return { stamp, modifiedSeconds, samples: null };
  }
}

function parse(body: Buffer): Sample[] {
  const parser = createExpositionParser({ bodyBytes: maximumBytes, series: maximumSeriesPerFile });
  const { series, values, timestamps, problems, truncated } = parser.parse(body, "text");
  const [problem] = problems;
  if (problem) throw new Error(`line ${problem.line}: ${problem.sentence}`);
  if (truncated) throw new Error("it ends in the middle of a line");
  return series.map(({ name, labels, labelValues, kind, help }, index) => {
    // A time of its own would make an old number look new, or a new one old.
    if (!Number.isNaN(timestamps[index])) throw new Error(`${name} has a time stamp`);
    return {
      metric: openMetric(name, kind, help, labels),
      labels: Object.fromEntries(labels.map((label, at) => [label, labelValues[at] ?? ""])),
      value: values[index] ?? Number.NaN,
    };
  });
}
