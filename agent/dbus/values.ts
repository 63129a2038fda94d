/**
 * Values of D-Bus types as bytes, by the D-Bus Specification's "Marshaling": numbers at multiples of their size, texts and
 * arrays after their length.
 *
 * A value is a number (64-bit ones rounded beyond 2^53), a boolean, a string, an array, a struct or an entry as an array of
 * its parts, or a {@link BusVariant}.
 */
import { WarpwatchError } from "../../core/kit/errors.ts";
import { alignmentOf, maximumDepth, parseSignature, type BusType } from "./signature.ts";

export interface BusVariant {
  readonly signature: string;
  readonly value: unknown;
}

export interface BusReader {
  readonly bytes: Buffer;
  readonly littleEndian: boolean;
  offset: number;
  readonly end: number;
}

/** The values of a signature, one after the other. Throws MESSAGE_MALFORMED. */
export function readValues(reader: BusReader, signature: string): unknown[] {
  return parseSignature(signature).map((type) => readValue(reader, type, 0));
}

function readValue(reader: BusReader, type: BusType, depth: number): unknown {
  if (depth > maximumDepth) throw malformed("its values are nested too deeply");
  switch (type.code) {
    case "s":
    case "o":
      return readText(reader, readUnsigned(reader));
    case "g":
      return readText(reader, reader.bytes[take(reader, 1, 1)] ?? 0);
    case "v": {
      const signature = readText(reader, reader.bytes[take(reader, 1, 1)] ?? 0);
      const [inner, ...others] = parseSignature(signature);
      if (!inner || others.length > 0)
        throw malformed(`a variant has the signature "${signature}"`);
      return { signature, value: readValue(reader, inner, depth + 1) } satisfies BusVariant;
    }
    case "a":
      return readArray(reader, type, depth);
    case "(":
    case "{":
      take(reader, 0, 8);
      return type.inner.map((part) => readValue(reader, part, depth + 1));
    default:
      return readNumber(reader, type);
  }
}

function readArray(reader: BusReader, type: BusType, depth: number): unknown[] {
  const length = readUnsigned(reader);
  const [element] = type.inner;
  if (!element) throw malformed("an array has no type");
  const start = take(reader, 0, alignmentOf(element));
  const end = start + length;
  if (end > reader.end) throw malformed("an array goes beyond its end");
  const values: unknown[] = [];
  while (reader.offset < end) values.push(readValue(reader, element, depth + 1));
  if (reader.offset !== end) throw malformed("an array's last value goes beyond the array");
  return values;
}

function readNumber(reader: BusReader, { code }: BusType): number | boolean {
  const { bytes, littleEndian } = reader;
  const size = sizes[code] ?? 0;
  const offset = take(reader, size, size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (code) {
    case "y":
      return view.getUint8(offset);
    case "b":
      return view.getUint32(offset, littleEndian) !== 0;
    case "n":
      return view.getInt16(offset, littleEndian);
    case "q":
      return view.getUint16(offset, littleEndian);
    case "i":
      return view.getInt32(offset, littleEndian);
    case "x":
      return Number(view.getBigInt64(offset, littleEndian));
    case "t":
      return Number(view.getBigUint64(offset, littleEndian));
    case "d":
      return view.getFloat64(offset, littleEndian);
    default:
      return view.getUint32(offset, littleEndian);
  }
}

const sizes: Readonly<Record<string, number>> = {
  y: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  h: 4,
  x: 8,
  t: 8,
  d: 8,
};

function readUnsigned(reader: BusReader): number {
  const offset = take(reader, 4, 4);
  const { bytes, littleEndian } = reader;
  return littleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}

/** A text is followed by a zero that its length doesn't count. */
function readText(reader: BusReader, length: number): string {
  const offset = take(reader, length + 1, 1);
  return reader.bytes.toString("utf8", offset, offset + length);
}

/** Goes to the next multiple and over so many bytes; says where they begin. */
function take(reader: BusReader, length: number, alignment: number): number {
  const offset = Math.ceil(reader.offset / alignment) * alignment;
  if (offset + length > reader.end) throw malformed("it ends within a value");
  reader.offset = offset + length;
  return offset;
}

export interface BusWriter {
  bytes: Buffer;
  length: number;
}

export function createWriter(): BusWriter {
  return { bytes: Buffer.alloc(256), length: 0 };
}

/** Appends the values, in the order of this machine's messages: little endian. */
export function writeValues(
  writer: BusWriter,
  signature: string,
  values: readonly unknown[],
): void {
  parseSignature(signature).forEach((type, index) => writeValue(writer, type, values[index]));
}

function writeValue(writer: BusWriter, type: BusType, value: unknown): void {
  const { code, inner } = type;
  const [element] = inner;
  if (code === "s" || code === "o") {
    const text = Buffer.from(`${String(value)}\0`);
    writeUnsigned(writer, text.length - 1);
    writeBytes(writer, text);
  } else if (code === "g") writeSignature(writer, String(value));
  else if (code === "v") {
    const { signature, value: held } = value as BusVariant;
    writeSignature(writer, signature);
    writeValues(writer, signature, [held]);
  } else if (code === "a" && element) {
    writeUnsigned(writer, 0);
    const lengthAt = writer.length - 4;
    alignTo(writer, alignmentOf(element));
    const start = writer.length;
    for (const one of value as readonly unknown[]) writeValue(writer, element, one);
    writer.bytes.writeUInt32LE(writer.length - start, lengthAt);
  } else if (code === "(" || code === "{") {
    alignTo(writer, 8);
    inner.forEach((part, index) => writeValue(writer, part, (value as readonly unknown[])[index]));
  } else writeNumber(writer, code, Number(value));
}

function writeNumber(writer: BusWriter, code: string, value: number): void {
  const size = sizes[code] ?? 0;
  alignTo(writer, size);
  const bytes = Buffer.alloc(size);
  if (code === "d") bytes.writeDoubleLE(value);
  else if (size === 8) bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
  else if (size === 4) bytes.writeUInt32LE(value >>> 0);
  else if (size === 2) bytes.writeUInt16LE(value & 0xffff);
  else bytes.writeUInt8(value & 0xff);
  writeBytes(writer, bytes);
}

function writeUnsigned(writer: BusWriter, value: number): void {
  writeNumber(writer, "u", value);
}

function writeSignature(writer: BusWriter, signature: string): void {
  const text = Buffer.from(signature, "latin1");
  writeBytes(writer, Buffer.from([text.length, ...text, 0]));
}

export function alignTo(writer: BusWriter, alignment: number): void {
  const rest = writer.length % alignment;
  if (rest > 0) writeBytes(writer, Buffer.alloc(alignment - rest));
}

export function writeBytes(writer: BusWriter, bytes: Buffer): void {
  const needed = writer.length + bytes.length;
  if (needed > writer.bytes.length) {
    const larger = Buffer.alloc(Math.max(needed, writer.bytes.length * 2));
    writer.bytes.copy(larger, 0, 0, writer.length);
    writer.bytes = larger;
  }
  bytes.copy(writer.bytes, writer.length);
  writer.length = needed;
}

function malformed(reason: string): WarpwatchError {
  return new WarpwatchError("MESSAGE_MALFORMED", `not a D-Bus message: ${reason}`);
}
