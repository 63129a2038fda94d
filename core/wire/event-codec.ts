/** Events as JSON lines, one event each, within limits; what comes from outside is checked field by field. */
import { WarpwatchError } from "../kit/errors.ts";
import { eventKinds, type EventKind, type EventReport, type WarpwatchEvent } from "./event.ts";

export interface EventLimits {
  /** UTF-16 units of the text. */
  readonly textCharacters: number;
  readonly fields: number;
  /** UTF-16 units of a field's name and of its value. */
  readonly fieldCharacters: number;
  /** Bytes of one line that is read. */
  readonly lineBytes: number;
}

export const defaultEventLimits: EventLimits = {
  textCharacters: 2048,
  fields: 32,
  fieldCharacters: 512,
  lineBytes: 64 * 1024,
};

/** An object rather than a list, so that a kind that is added to the type has to be added here. */
const knownKinds: ReadonlySet<string> = new Set(eventKinds);

export interface TrimmedReport {
  readonly report: EventReport;
  /** Texts, names and values that were cut, and fields that were left out. */
  readonly truncated: number;
}

/** Cuts what is over the limits. */
export function trimReport(
  report: EventReport,
  limits: EventLimits = defaultEventLimits,
): TrimmedReport {
  let truncated = 0;
  const cut = (text: string, maximum: number): string => {
    if (text.length <= maximum) return text;
    truncated += 1;
    return text.slice(0, maximum).toWellFormed();
  };
  const entries = Object.entries(report.fields);
  truncated += Math.max(0, entries.length - limits.fields);
  const fields = Object.fromEntries(
    entries
      .slice(0, limits.fields)
      .map(([name, value]) => [
        cut(name, limits.fieldCharacters),
        cut(value, limits.fieldCharacters),
      ]),
  );
  const { timeMilliseconds, kind } = report;
  const device = cut(report.device, limits.fieldCharacters);
  const text = cut(report.text, limits.textCharacters);
  return { report: { timeMilliseconds, kind, device, text, fields }, truncated };
}

/** One line for each event, the last one ended too. */
export function encodeEvents(events: readonly WarpwatchEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

export interface DecodedEvents {
  readonly events: readonly WarpwatchEvent[];
  /** Lines that aren't an event, counted from 1. */
  readonly problems: readonly { readonly line: number; readonly sentence: string }[];
  readonly truncated: number;
}

/** Reads lines of events; a line that isn't one is told of and skipped. At most `maximumEvents` are read. */
export function decodeEvents(
  text: string,
  maximumEvents: number,
  limits: EventLimits = defaultEventLimits,
): DecodedEvents {
  const events: WarpwatchEvent[] = [];
  const problems: { line: number; sentence: string }[] = [];
  let truncated = 0;
  let at = 0;
  for (let line = 1; at < text.length; line += 1) {
    const newline = text.indexOf("\n", at);
    const end = newline === -1 ? text.length : newline;
    if (events.length + problems.length >= maximumEvents) {
      problems.push({ line, sentence: `there are more than ${maximumEvents} events` });
      break;
    }
    try {
      const decoded = decodeEvent(text.slice(at, end), limits);
      events.push(decoded.event);
      truncated += decoded.truncated;
    } catch (error) {
      if (!(error instanceof WarpwatchError)) throw error;
      problems.push({ line, sentence: error.message });
    }
    at = end + 1;
  }
  return { events, problems, truncated };
}

function decodeEvent(
  line: string,
  limits: EventLimits,
): { event: WarpwatchEvent; truncated: number } {
  if (Buffer.byteLength(line) > limits.lineBytes)
    throw malformed(`the line is over ${limits.lineBytes} bytes long`);
  const parsed = parseObject(line);
  const { node, boot, sequence, timeMilliseconds, kind, device, text, fields } = parsed;
  if (!isName(node, limits) || !isName(boot, limits))
    throw malformed("the event needs a node and a boot");
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 0)
    throw malformed("the event's sequence isn't a whole number");
  if (typeof timeMilliseconds !== "number" || !Number.isFinite(timeMilliseconds))
    throw malformed("the event's timeMilliseconds isn't a number");
  if (typeof kind !== "string" || !isKind(kind))
    throw malformed("the event's kind isn't one that is known");
  if (typeof device !== "string" || typeof text !== "string")
    throw malformed("the event's device and text have to be texts");
  if (!isFields(fields)) throw malformed("the event's fields have to be texts by name");
  const trimmed = trimReport({ timeMilliseconds, kind, device, text, fields }, limits);
  return {
    event: { node, boot, sequence, ...trimmed.report },
    truncated: trimmed.truncated,
  };
}

function parseObject(line: string): Record<string, unknown> {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw malformed("the line isn't JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw malformed("the line isn't a JSON object");
  return parsed as Record<string, unknown>;
}

function isKind(word: string): word is EventKind {
  return knownKinds.has(word);
}

function isName(value: unknown, limits: EventLimits): value is string {
  return typeof value === "string" && value !== "" && value.length <= limits.fieldCharacters;
}

function isFields(value: unknown): value is Record<string, string> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((field) => typeof field === "string")
  );
}

function malformed(sentence: string): WarpwatchError {
  return new WarpwatchError("FRAME_MALFORMED", sentence);
}
