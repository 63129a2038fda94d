/**
 * Attributes as Protocol Buffers (opentelemetry-proto 1.x: common/v1/common.proto). They are kept as bytes: most belong to a
 * stream that is known by them already, and only those of a new one are read.
 *
 *     KeyValue = key = 1 value = 2
 *     AnyValue = ( string = 1 | bool = 2 | int = 3 | double = 4 | array = 5 | list = 6 | bytes = 7 )
 */
import { WarpwatchError } from "../kit/errors.ts";
import { formatOtlpValue, type OtlpValue } from "./otlp-value.ts";
import {
  noOtlpAttributes,
  type OtlpAttribute,
  type OtlpAttributes,
  type OtlpLimits,
} from "./otlp.ts";
import {
  eachField,
  fieldEnd,
  readWireInteger,
  readWireVarint,
  wireMalformed,
  type WireCursor,
} from "./wire-cursor.ts";
import { readUtf8 } from "./write-request.ts";

export interface AttributesReader {
  /** One attribute, whose tag was read from where `start` is; its message goes no further than `end`. */
  take(start: number, end: number): true;
  finish(): OtlpAttributes;
}

/** Where attributes lie: mostly one behind the other, so that all of them are one piece. */
export function createAttributesReader(cursor: WireCursor, limits: OtlpLimits): AttributesReader {
  let pieces: number[] = [];
  return {
    take(start, end) {
      cursor.at = fieldEnd(cursor, end);
      if (pieces.at(-1) === start) pieces[pieces.length - 1] = cursor.at;
      else pieces.push(start, cursor.at);
      return true;
    },
    finish() {
      if (pieces.length === 0) return noOtlpAttributes;
      const { source } = cursor;
      const held = pieces;
      pieces = [];
      return { key: keyOf(source, held), read: () => readSound(source, held, limits) };
    },
  };
}

function keyOf(source: Buffer, pieces: readonly number[]): string {
  if (pieces.length === 2) return source.toString("latin1", pieces[0], pieces[1]);
  let key = "";
  for (let at = 0; at < pieces.length; at += 2)
    key += source.toString("latin1", pieces[at], pieces[at + 1]);
  return key;
}

/** What isn't a message within a point that is one costs only that point. */
function readSound(
  source: Buffer,
  pieces: readonly number[],
  limits: OtlpLimits,
): OtlpAttribute[] | null {
  try {
    return readAttributes(source, pieces, limits);
  } catch (thrown) {
    if (thrown instanceof WarpwatchError) return null;
    throw thrown;
  }
}

function readAttributes(
  source: Buffer,
  pieces: readonly number[],
  limits: OtlpLimits,
): OtlpAttribute[] | null {
  const cursor: WireCursor = { at: 0, source };
  const attributes: OtlpAttribute[] = [];
  let bytes = 0;
  for (let at = 0; at < pieces.length; at += 2) {
    const end = pieces[at + 1]!;
    cursor.at = pieces[at]!;
    bytes += end - cursor.at;
    if (bytes > limits.attributeBytes) return null;
    while (cursor.at < end) {
      readWireVarint(cursor, end);
      const attribute = readAttribute(cursor, fieldEnd(cursor, end), limits);
      if (attribute === null || attributes.length >= limits.attributes) return null;
      attributes.push({ name: attribute[0], value: formatOtlpValue(attribute[1]) });
    }
  }
  return attributes;
}

/** Null where a text isn't UTF-8, or the value is nested too deep. */
function readAttribute(
  cursor: WireCursor,
  end: number,
  limits: OtlpLimits,
  depth = 0,
): [name: string, value: OtlpValue] | null {
  const read: { name: string | null; value: OtlpValue | undefined } = { name: "", value: null };
  eachField(cursor, end, (tag) => {
    if (tag === 0x0a) read.name = readText(cursor, fieldEnd(cursor, end), limits);
    else if (tag === 0x12) read.value = readValue(cursor, fieldEnd(cursor, end), limits, depth);
    else return false;
    return true;
  });
  return read.name === null || read.value === undefined ? null : [read.name, read.value];
}

/** Undefined for what can't be taken. */
function readValue(
  cursor: WireCursor,
  end: number,
  limits: OtlpLimits,
  depth: number,
): OtlpValue | undefined {
  if (depth > limits.depth) {
    cursor.at = end;
    return undefined;
  }
  let value: OtlpValue | undefined = null;
  eachField(cursor, end, (tag) => {
    if (tag === 0x0a) value = readText(cursor, fieldEnd(cursor, end), limits) ?? undefined;
    else if (tag === 0x10) value = readWireVarint(cursor, end) !== 0;
    else if (tag === 0x18) value = readWireInteger(cursor, end);
    else if (tag === 0x21) value = readDouble(cursor, end);
    else if (tag === 0x2a) value = readList(cursor, fieldEnd(cursor, end), limits, depth + 1);
    else if (tag === 0x32) value = readEntries(cursor, fieldEnd(cursor, end), limits, depth + 1);
    else if (tag === 0x3a) value = readBytes(cursor, fieldEnd(cursor, end));
    else return false;
    return true;
  });
  return value;
}

function readList(
  cursor: WireCursor,
  end: number,
  limits: OtlpLimits,
  depth: number,
): OtlpValue | undefined {
  const values: OtlpValue[] = [];
  let isSound = true;
  eachField(cursor, end, (tag) => {
    if (tag !== 0x0a) return false;
    const value = readValue(cursor, fieldEnd(cursor, end), limits, depth);
    if (value === undefined) isSound = false;
    else values.push(value);
    return true;
  });
  return isSound ? values : undefined;
}

function readEntries(
  cursor: WireCursor,
  end: number,
  limits: OtlpLimits,
  depth: number,
): OtlpValue | undefined {
  const entries: [string, OtlpValue][] = [];
  let isSound = true;
  eachField(cursor, end, (tag) => {
    if (tag !== 0x0a) return false;
    const entry = readAttribute(cursor, fieldEnd(cursor, end), limits, depth);
    if (entry === null) isSound = false;
    else entries.push(entry);
    return true;
  });
  return isSound ? { entries } : undefined;
}

function readText(cursor: WireCursor, end: number, limits: OtlpLimits): string | null {
  return readUtf8(readBytes(cursor, end), limits.attributeBytes);
}

function readBytes(cursor: WireCursor, end: number): Buffer {
  const bytes = cursor.source.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}

function readDouble(cursor: WireCursor, end: number): number {
  if (cursor.at + 8 > end) throw wireMalformed("it ends within a number");
  cursor.at += 8;
  return cursor.source.readDoubleLE(cursor.at - 8);
}
