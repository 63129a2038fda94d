/** Fields of JSON that follows Protocol Buffers' mapping (protobuf.dev: ProtoJSON): null is the same as not there. */
import { WarpwatchError } from "../kit/errors.ts";

export type JsonRecord = Readonly<Record<string, unknown>>;

export function jsonMalformed(reason: string): WarpwatchError {
  return new WarpwatchError("MESSAGE_MALFORMED", `not OTLP in JSON: ${reason}`);
}

export function jsonRecord(value: unknown, what: string): JsonRecord {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw jsonMalformed(`${what} isn't an object`);
  return value as JsonRecord;
}

export function jsonList(record: JsonRecord, field: string): readonly unknown[] {
  const value = record[field] ?? [];
  if (!Array.isArray(value)) throw jsonMalformed(`${field} isn't a list`);
  return value;
}

export function jsonText(record: JsonRecord, field: string): string {
  const value = record[field] ?? "";
  if (typeof value !== "string") throw jsonMalformed(`${field} isn't a text`);
  return value;
}

/** Null where it isn't there. */
export function jsonNumber(record: JsonRecord, field: string): number | null {
  const value = record[field] ?? null;
  return value === null ? null : toJsonNumber(value, field);
}

export function toJsonNumber(value: unknown, field: string): number {
  if (typeof value === "number") return value;
  if (value === "NaN") return Number.NaN;
  if (typeof value === "string" && value.trim() !== "" && !Number.isNaN(Number(value)))
    return Number(value);
  throw jsonMalformed(`${field} isn't a number`);
}

/** Of nanoseconds, which are more than a float64 holds; 0 where it isn't there. */
export function jsonMilliseconds(record: JsonRecord, field: string): number {
  const value = record[field] ?? 0;
  if (typeof value === "string" && /^\d{7,20}$/.test(value)) return Number(value.slice(0, -6));
  return Math.max(0, Math.floor(toJsonNumber(value, field) / 1_000_000));
}
