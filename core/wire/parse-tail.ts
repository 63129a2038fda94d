/** What follows a series on its line: the value, a timestamp, an exemplar. Truth: Prometheus text format 0.0.4, OpenMetrics 1.0.0. */
import type { ExpositionFormat } from "./exposition-plan.ts";
import { scanNumber } from "./number-scan.ts";

/** Why a tail couldn't be read, as `scanTail` returns it. */
export const tailFault = {
  value: -1,
  timestamp: -2,
  exemplar: -3,
  rest: -4,
} as const;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const tab = 0x09;
const hash = 0x23;
const quote = 0x22;
const backslash = 0x5c;
const scratch = new Float64Array(1);

/**
 * Reads from the value's first byte to the line's end into `values[slot]` and `timestamps[slot]` (milliseconds;
 * untouched where there is none). Returns the offset of the next line, or a `tailFault`.
 *
 *     text:         value [ blanks integer-milliseconds ] [ blanks ] [ CR ] LF
 *     OpenMetrics:  value [ SP seconds ] [ SP "#" SP labels SP value [ SP seconds ] ] LF
 */
export function scanTail(
  bytes: Buffer,
  offset: number,
  format: ExpositionFormat,
  values: Float64Array,
  timestamps: Float64Array,
  slot: number,
): number {
  const end = scanNumber(bytes, offset, values, slot);
  if (end === -1) return tailFault.value;
  if (bytes[end] === lineFeed) return end + 1;
  return format === "text"
    ? scanTextRest(bytes, end, timestamps, slot)
    : scanOpenRest(bytes, end, timestamps, slot);
}

function scanTextRest(
  bytes: Buffer,
  offset: number,
  timestamps: Float64Array,
  slot: number,
): number {
  let at = skipBlanks(bytes, offset);
  if (at > offset && !isTextEnd(bytes, at)) {
    const start = at;
    if (bytes[at] === 0x2d) at += 1;
    while (isDigit(bytes[at])) at += 1;
    if (!isBlank(bytes[at]) && !isTextEnd(bytes, at)) return tailFault.timestamp;
    if (scanNumber(bytes, start, timestamps, slot) !== at) return tailFault.timestamp;
    at = skipBlanks(bytes, at);
  }
  if (bytes[at] === carriageReturn) at += 1;
  if (bytes[at] === lineFeed) return at + 1;
  return at === offset ? tailFault.value : tailFault.rest;
}

function scanOpenRest(
  bytes: Buffer,
  offset: number,
  timestamps: Float64Array,
  slot: number,
): number {
  if (bytes[offset] !== space) return tailFault.value;
  let at = offset + 1;
  if (bytes[at] !== hash) {
    at = scanNumber(bytes, at, scratch, 0);
    if (at === -1 || !Number.isFinite(scratch[0])) return tailFault.timestamp;
    timestamps[slot] = (scratch[0] ?? 0) * 1000;
    if (bytes[at] === lineFeed) return at + 1;
    if (bytes[at] !== space) return tailFault.timestamp;
    at += 1;
  }
  return bytes[at] === hash ? scanExemplar(bytes, at) : tailFault.rest;
}

/** Checks an exemplar's outer form and passes over it. */
function scanExemplar(bytes: Buffer, offset: number): number {
  if (bytes[offset + 1] !== space || bytes[offset + 2] !== 0x7b) return tailFault.exemplar;
  let at = offset + 3;
  let quoted = false;
  for (; quoted || bytes[at] !== 0x7d; at += 1) {
    if (bytes[at] === lineFeed) return tailFault.exemplar;
    if (bytes[at] === quote) quoted = !quoted;
    else if (quoted && bytes[at] === backslash && bytes[at + 1] !== lineFeed) at += 1;
  }
  at += 1;
  for (let numbers = 0; numbers < 2; numbers += 1) {
    if (bytes[at] !== space) return tailFault.exemplar;
    at = scanNumber(bytes, at + 1, scratch, 0);
    if (at === -1) return tailFault.exemplar;
    if (bytes[at] === lineFeed) return at + 1;
  }
  return tailFault.exemplar;
}

function isTextEnd(bytes: Uint8Array, offset: number): boolean {
  return (
    bytes[offset] === lineFeed ||
    (bytes[offset] === carriageReturn && bytes[offset + 1] === lineFeed)
  );
}

export function skipBlanks(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (isBlank(bytes[at])) at += 1;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === space || byte === tab;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
