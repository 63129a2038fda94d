/** `warpwatch backtest`: runs a detector over a series in a CSV file and prints what it would have told. */
import { readFileSync } from "node:fs";
import {
  backtestAnomaly,
  backtestForecast,
  type BacktestResult,
  type BacktestSample,
} from "../collector/detect/learned/backtest.ts";
import { formatNumber } from "../collector/detect/learned/format.ts";
import { systemCode, WarpwatchError } from "../core/kit/errors.ts";
import type { Command, FlagTable } from "./command.ts";
import { textOf } from "./collector.ts";

const maximumBytes = 512 * 1024 * 1024;
const listedMistakes = 10;

const flags = {
  csv: {
    type: "string",
    value: "file",
    help: "The series: a header line, then a time (ISO 8601 or Unix seconds or milliseconds) and a value a line.",
  },
  detector: {
    type: "string",
    default: "anomaly",
    value: "name",
    help: "Which detector: anomaly or forecast.",
  },
  limit: {
    type: "string",
    value: "number",
    help: "The limit that forecast looks ahead to.",
  },
  "time-column": {
    type: "string",
    default: "timestamp",
    value: "name",
    help: "The column that holds the time.",
  },
  "value-column": {
    type: "string",
    default: "value",
    value: "name",
    help: "The column that holds the value.",
  },
} as const satisfies FlagTable;

export const backtestCommand: Command = {
  operands: "",
  description:
    "Plays the file's samples through the collector's own detector, one after the other as if they were measured now, and prints " +
    "what it would have told: when, with which score, what was expected. Lines that can't be read are named and left out. " +
    "Exits with 1 when no line could be read.",
  flags,
  async run({ flags: given, terminal }) {
    const file = textOf(given, "csv");
    if (file === "") throw new WarpwatchError("FLAG_INVALID", "--csv: backtest needs a file");
    const detector = textOf(given, "detector") || flags.detector.default;
    const judge = detectorFor(detector, textOf(given, "limit"));
    const { samples, mistakes } = readSeries(
      readText(file),
      textOf(given, "time-column") || flags["time-column"].default,
      textOf(given, "value-column") || flags["value-column"].default,
    );
    for (const mistake of mistakes.slice(0, listedMistakes))
      terminal.complain(`${file}:${mistake}`);
    if (mistakes.length > listedMistakes)
      terminal.complain(`${file}: ${mistakes.length - listedMistakes} more lines like these`);
    if (samples.length === 0) {
      terminal.complain(`${file}: there is no sample in it`);
      return 1;
    }
    const { findings, surprising } = judge(samples);
    for (const { timeMilliseconds, score, expected, text } of findings)
      terminal.print(
        `${new Date(timeMilliseconds).toISOString()}  score ${score.toFixed(1)}  expected ${formatNumber(expected, "")}  ${text}`,
      );
    const notable = detector === "anomaly" ? "surprising samples" : "forecasts";
    terminal.print(
      `${findings.length} findings in ${samples.length} samples, ${surprising} ${notable}, ${mistakes.length} lines left out`,
    );
    return 0;
  },
};

type Judge = (samples: readonly BacktestSample[]) => BacktestResult;

function detectorFor(name: string, limit: string): Judge {
  if (name === "anomaly") return backtestAnomaly;
  if (name !== "forecast")
    throw new WarpwatchError("FLAG_INVALID", `--detector: "${name}" is not anomaly or forecast`);
  const number = Number(limit);
  if (limit === "" || !Number.isFinite(number))
    throw new WarpwatchError("FLAG_INVALID", `--limit: forecast needs a number, not "${limit}"`);
  return (samples) => backtestForecast(samples, number);
}

/** Samples in rising order of time; a line that can't be used is told as `line: what is wrong`. */
export function readSeries(
  text: string,
  timeColumn: string,
  valueColumn: string,
): { readonly samples: BacktestSample[]; readonly mistakes: string[] } {
  const samples: BacktestSample[] = [];
  const mistakes: string[] = [];
  const lines = text.split(/\r?\n/);
  const header = (lines[0] ?? "").split(",").map((cell) => cell.trim());
  const timeAt = header.indexOf(timeColumn);
  const valueAt = header.indexOf(valueColumn);
  if (timeAt < 0 || valueAt < 0) {
    const missing = timeAt < 0 ? timeColumn : valueColumn;
    return { samples, mistakes: [`1: there is no column ${missing} among ${header.join(", ")}`] };
  }
  let last = -Infinity;
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === "") continue;
    const cells = line.split(",").map((cell) => cell.trim());
    const timeMilliseconds = parseTime(cells[timeAt] ?? "");
    const value = cells[valueAt] ? Number(cells[valueAt]) : Number.NaN;
    if (Number.isNaN(timeMilliseconds))
      mistakes.push(`${index + 1}: "${cells[timeAt] ?? ""}" is not a time`);
    else if (!Number.isFinite(value))
      mistakes.push(`${index + 1}: "${cells[valueAt] ?? ""}" is not a number`);
    else if (timeMilliseconds <= last)
      mistakes.push(`${index + 1}: its time is not after that of the line before`);
    else {
      samples.push({ timeMilliseconds, value });
      last = timeMilliseconds;
    }
  }
  return { samples, mistakes };
}

/** A number under a hundred thousand million is in seconds; a date without a zone is in UTC. */
function parseTime(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    return number < 1e11 ? number * 1000 : number;
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return Number.NaN;
  const joined = text.replace(" ", "T");
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(joined) || joined.length === 10;
  return Date.parse(zoned ? joined : `${joined}Z`);
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= maximumBytes) return bytes.toString("utf8");
  } catch (cause) {
    const reason = systemCode(cause) || "unknown reason";
    throw new WarpwatchError("CONFIG_UNREADABLE", `${file} can't be read (${reason})`, { cause });
  }
  throw new WarpwatchError("LIMIT_REACHED", `${file} is over ${maximumBytes} bytes`);
}
