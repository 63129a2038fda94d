/** Reads a page line by line, keeps what is well formed, tells what isn't, and notes the layout for the pages to come. */
import { isUtf8 } from "node:buffer";
import { singleLine } from "../kit/errors.ts";
import type { ExpositionFormat } from "./exposition-plan.ts";
import { createColumns, type Columns, type ColumnsBuilder } from "./parse-columns.ts";
import {
  createLayoutBuilder,
  indexPrefixes,
  lineSlot,
  type Layout,
  type LayoutBuilder,
} from "./parse-layout.ts";
import { createMetadata, type Metadata } from "./parse-metadata.ts";
import { findValue, parseSeries } from "./parse-series.ts";
import { scanTail, skipBlanks, tailFault } from "./parse-tail.ts";
import type { DropReason, ExpositionProblem, ParserLimits } from "./parsed.ts";

export interface PageReading extends Columns {
  readonly layout: Layout;
  readonly problems: readonly ExpositionProblem[];
  readonly problemCount: number;
  readonly dropped: ReadonlyMap<DropReason, number>;
  readonly truncated: boolean;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const hash = 0x23;
const maximumSentenceCharacters = 200;
const maximumShownCharacters = 40;

/** Series keep the slots they had in the page before. */
export function readPage(
  body: Buffer,
  format: ExpositionFormat,
  limits: ParserLimits,
  previous: PageReading | null,
): PageReading {
  const before = previous?.layout.format === format ? previous.layout : null;
  const metadata = createMetadata(format);
  const columns = createColumns(previous?.series ?? [], metadata, limits.series);
  const layout = createLayoutBuilder();
  const report = createReport(limits.problems);
  const parts = { body, format, limits, before, metadata, columns, layout, report };
  const readLine = createLineReader(parts);
  let line = 0;
  let ended = false;
  let at = 0;
  while (at < body.length && !ended) {
    const newline = body.indexOf(lineFeed, at);
    if (newline === -1) break;
    line += 1;
    const returned = format === "text" && newline > at && body[newline - 1] === carriageReturn;
    ended = readLine(line, at, returned ? newline - 1 : newline, newline + 1);
    at = newline + 1;
  }
  const cut = at < body.length && !ended;
  if (cut) report.drop(line + 1, "malformed", "the page ends in the middle of this line");
  else report.note(line + 1, endNote(format, ended, at < body.length));
  const read = columns.finish();
  const noted = layout.finish({ body, end: at, format }, before, read.present);
  return {
    ...read,
    ...report.finish(),
    layout: noted,
    truncated: cut || (format === "openmetrics" && !ended),
  };
}

interface PageParts {
  readonly body: Buffer;
  readonly format: ExpositionFormat;
  readonly limits: ParserLimits;
  readonly before: Layout | null;
  readonly metadata: Metadata;
  readonly columns: ColumnsBuilder;
  readonly layout: LayoutBuilder;
  readonly report: Report;
}

/** The function reads one line and says whether it was the page's end mark. */
function createLineReader(
  parts: PageParts,
): (line: number, start: number, end: number, next: number) => boolean {
  const { body, format, limits, metadata, columns, layout, report } = parts;
  const slotBefore = parts.before && indexPrefixes(parts.before);
  const value = new Float64Array(1);
  const timestamp = new Float64Array(1);
  let line = 0;

  function drop(start: number, next: number, reason: DropReason, sentence: string): void {
    report.drop(line, reason, sentence);
    layout.add(start, next, lineSlot.literal);
  }

  function readSample(start: number, end: number, next: number): void {
    const valueAt = findValue(body, start, end);
    const known = valueAt === -1 ? undefined : slotBefore?.(body, start, valueAt);
    const nameEnd = valueAt === -1 ? end : valueAt;
    const parsed = known === undefined ? parseSeries(body, start, nameEnd, format, limits) : known;
    if (typeof parsed === "object" && "sentence" in parsed)
      return drop(start, next, parsed.reason, parsed.sentence);
    if (valueAt === -1) return drop(start, next, "malformed", "the line has no value");
    timestamp[0] = Number.NaN;
    const after = scanTail(body, valueAt, format, value, timestamp, 0);
    if (after < 0)
      return drop(start, next, "malformed", describeTail(after, body, valueAt, end, format));
    let slot: number = lineSlot.discarded;
    if (columns.isFull)
      report.drop(line, "too_many_series", `the page has more than ${limits.series} series`);
    else {
      const place = typeof parsed === "number" ? parsed : columns.slotOf(parsed);
      if (columns.write(place, value[0] ?? 0, timestamp[0] ?? 0)) slot = place;
      else report.drop(line, "duplicate", "the series is there already; the first one counts");
    }
    layout.add(start, valueAt, slot);
  }

  return (number, start, end, next) => {
    line = number;
    const first = format === "text" ? skipBlanks(body, start) : start;
    if (end - start > limits.lineBytes) {
      drop(start, next, "line_too_long", `the line is over ${limits.lineBytes} bytes long`);
      return false;
    }
    if (first < end && body[first] !== hash) {
      readSample(start, end, next);
      return false;
    }
    layout.add(start, next, lineSlot.literal);
    const text = body.toString("utf8", first, end);
    if (format === "openmetrics" && text === "# EOF") return true;
    if (first < end) report.note(line, noteOf(body.subarray(first, end), text, metadata));
    else if (format === "openmetrics") report.note(line, "OpenMetrics has no blank lines");
    return false;
  };
}

function endNote(format: ExpositionFormat, ended: boolean, more: boolean): string | null {
  if (format === "text") return null;
  if (!ended) return "the page ends before # EOF";
  return more ? "there is more behind # EOF" : null;
}

function noteOf(bytes: Buffer, text: string, metadata: Metadata): string | null {
  return isUtf8(bytes) ? metadata.readLine(text) : "the line isn't UTF-8";
}

interface Report {
  /** Something odd that costs no sample. */
  note(line: number, sentence: string | null): void;
  drop(line: number, reason: DropReason, sentence: string): void;
  finish(): Pick<PageReading, "problems" | "problemCount" | "dropped">;
}

function createReport(maximumProblems: number): Report {
  const problems: ExpositionProblem[] = [];
  const dropped = new Map<DropReason, number>();
  let problemCount = 0;
  function note(line: number, sentence: string | null): void {
    if (sentence === null) return;
    problemCount += 1;
    if (problems.length < maximumProblems)
      problems.push({ line, sentence: singleLine(sentence).slice(0, maximumSentenceCharacters) });
  }
  return {
    note,
    drop(line: number, reason: DropReason, sentence: string): void {
      dropped.set(reason, (dropped.get(reason) ?? 0) + 1);
      note(line, sentence);
    },
    finish: () => ({ problems, problemCount, dropped }),
  };
}

function describeTail(
  fault: number,
  body: Buffer,
  valueAt: number,
  end: number,
  format: ExpositionFormat,
): string {
  const text = body.toString("utf8", valueAt, end);
  const [value = "", timestamp = ""] = text.split(/[ \t]+/);
  if (fault === tailFault.value) return `the value ${quote(value)} isn't a number`;
  if (fault === tailFault.exemplar)
    return 'the exemplar behind the value isn\'t of the form # {label="…"} number';
  if (fault === tailFault.rest) return `there is more on the line than a value and a timestamp`;
  const unit = format === "text" ? "a whole number of milliseconds" : "a number of seconds";
  return `the timestamp ${quote(timestamp)} isn't ${unit}`;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, maximumShownCharacters));
}
