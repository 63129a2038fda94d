/** The part of a sample line before its value: metric name and labels, checked and unescaped. Truth: Prometheus text format 0.0.4, OpenMetrics 1.0.0. */
import { isUtf8 } from "node:buffer";
import type { ExpositionFormat } from "./exposition-plan.ts";
import { skipBlanks } from "./parse-tail.ts";

export interface SeriesName {
  readonly name: string;
  readonly labels: readonly string[];
  readonly labelValues: readonly string[];
}

export interface SeriesLimits {
  /** Bytes of a metric or label name. */
  readonly nameBytes: number;
  readonly labels: number;
  readonly labelValueBytes: number;
}

export type SeriesFault = {
  readonly reason: "malformed" | "label_too_long" | "too_many_labels";
  readonly sentence: string;
};

const space = 0x20;
const tab = 0x09;
const equals = 0x3d;
const comma = 0x2c;
const quote = 0x22;
const backslash = 0x5c;
const open = 0x7b;
const close = 0x7d;
/** What decoding puts in the place of bytes that aren't UTF-8. */
const replacement = "\ufffd";

/** Reads `name{label="value",…}` from `bytes[start..end)`, which ends where the value begins. */
export function parseSeries(
  bytes: Buffer,
  start: number,
  end: number,
  format: ExpositionFormat,
  limits: SeriesLimits,
): SeriesName | SeriesFault {
  const nameStart = format === "text" ? skipBlanks(bytes, start) : start;
  const nameEnd = endOfName(bytes, nameStart, true);
  if (nameEnd === nameStart)
    return malformed(
      bytes[nameStart] === open
        ? "the line has no metric name before its labels; quoted names aren't supported"
        : `a metric name can't start with ${show(bytes, nameStart, end)}`,
    );
  if (nameEnd - nameStart > limits.nameBytes)
    return tooLong(`the metric name is longer than ${limits.nameBytes} bytes`);
  const name = bytes.toString("latin1", nameStart, nameEnd);
  const labels: string[] = [];
  const labelValues: string[] = [];
  let at = format === "text" ? skipBlanks(bytes, nameEnd) : nameEnd;
  if (bytes[at] !== open) {
    const ends = at >= end || at > nameEnd || bytes[at] === space;
    if (!ends) return malformed(`${show(bytes, at, end)} can't stand in a metric name`);
    return blankFault(format, end - at) ?? { name, labels, labelValues };
  }
  at += 1;
  for (;;) {
    if (format === "text") at = skipBlanks(bytes, at);
    if (bytes[at] === close) break;
    const fault = labelFault(bytes, at, end, labels, limits);
    if (fault) return fault;
    const labelEnd = endOfName(bytes, at, false);
    const label = bytes.toString("latin1", at, labelEnd);
    at = format === "text" ? skipBlanks(bytes, labelEnd) : labelEnd;
    if (bytes[at] !== equals) return malformed(`the label ${label} has no = behind it`);
    at = format === "text" ? skipBlanks(bytes, at + 1) : at + 1;
    if (bytes[at] !== quote)
      return malformed(`the value of the label ${label} isn't in double quotes`);
    const valueEnd = endOfQuoted(bytes, at + 1, end);
    if (valueEnd === -1) return malformed(`the value of the label ${label} has no closing quote`);
    const value = unescapeValue(bytes, at + 1, valueEnd, label, limits);
    if (typeof value !== "string") return value;
    labels.push(label);
    labelValues.push(value);
    at = format === "text" ? skipBlanks(bytes, valueEnd + 1) : valueEnd + 1;
    if (bytes[at] === comma) at += 1;
    else if (bytes[at] !== close)
      return malformed(`there is no comma or } behind the label ${label}`);
  }
  if (format === "openmetrics" && bytes[at - 1] === comma)
    return malformed("there is a comma behind the last label");
  return blankFault(format, end - at - 1) ?? { name, labels, labelValues };
}

/**
 * Finds where the value of the line begins, or -1 where the line ends first. Looks at quotes, braces and blanks only;
 * `parseSeries` judges the rest.
 */
export function findValue(bytes: Uint8Array, start: number, end: number): number {
  let at = skipBlanks(bytes, start);
  while (at < end && bytes[at] !== space && bytes[at] !== tab && bytes[at] !== open) at += 1;
  at = skipBlanks(bytes, at);
  if (bytes[at] === open) {
    for (at += 1; at < end && bytes[at] !== close; at += 1)
      if (bytes[at] === quote) {
        at = endOfQuoted(bytes, at + 1, end);
        if (at === -1) return -1;
      }
    at = skipBlanks(bytes, at + 1);
  }
  return at < end ? at : -1;
}

function blankFault(format: ExpositionFormat, blanks: number): SeriesFault | null {
  return format === "openmetrics" && blanks !== 1
    ? malformed("OpenMetrics wants exactly one space before the value")
    : null;
}

function labelFault(
  bytes: Buffer,
  at: number,
  end: number,
  labels: readonly string[],
  limits: SeriesLimits,
): SeriesFault | null {
  const labelEnd = endOfName(bytes, at, false);
  if (labelEnd === at) return malformed(`a label name can't start with ${show(bytes, at, end)}`);
  if (labelEnd - at > limits.nameBytes)
    return tooLong(`a label name is longer than ${limits.nameBytes} bytes`);
  const label = bytes.toString("latin1", at, labelEnd);
  if (label === "__name__") return malformed("__name__ can't be a label");
  if (labels.includes(label)) return malformed(`the label ${label} is there twice`);
  if (labels.length >= limits.labels)
    return {
      reason: "too_many_labels",
      sentence: `the series has more than ${limits.labels} labels`,
    };
  return null;
}

function unescapeValue(
  bytes: Buffer,
  start: number,
  end: number,
  label: string,
  limits: SeriesLimits,
): string | SeriesFault {
  if (end - start > limits.labelValueBytes)
    return tooLong(
      `the value of the label ${label} is longer than ${limits.labelValueBytes} bytes`,
    );
  const raw = bytes.toString("utf8", start, end);
  if (raw.includes(replacement) && !isUtf8(bytes.subarray(start, end)))
    return malformed(`the value of the label ${label} isn't UTF-8`);
  if (!raw.includes("\\")) return raw;
  const odd = /\\[^\\"n]/.exec(raw.replaceAll("\\\\", ""))?.[0];
  if (odd !== undefined)
    return malformed(`${odd} isn't an escape that the value of the label ${label} may hold`);
  return unescape(raw);
}

/** Resolves \\, \" and \n; anything else stays as it is. */
export function unescape(text: string): string {
  return text.replaceAll(/\\([\\"n])/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}

function endOfQuoted(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === quote) return at;
    if (bytes[at] === backslash) at += 1;
  }
  return -1;
}

function endOfName(bytes: Uint8Array, start: number, colons: boolean): number {
  let at = start;
  for (; ; at += 1) {
    const byte = bytes[at] ?? 0;
    const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    const digit = byte >= 0x30 && byte <= 0x39;
    if (letter || byte === 0x5f || (digit && at > start) || (colons && byte === 0x3a)) continue;
    return at;
  }
}

/** The character at `at`, so that a person recognises it. */
function show(bytes: Buffer, at: number, end: number): string {
  if (at >= end) return "the end of the line";
  const character = Array.from(bytes.toString("utf8", at, Math.min(end, at + 4)))[0] ?? "";
  return JSON.stringify(character);
}

function malformed(sentence: string): SeriesFault {
  return { reason: "malformed", sentence };
}

function tooLong(sentence: string): SeriesFault {
  return { reason: "label_too_long", sentence };
}
