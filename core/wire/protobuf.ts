/** Reads Protocol Buffers messages field by field, as protobuf.dev's encoding guide has them; what it doesn't know it passes over. */
import { wireMalformed } from "./wire-cursor.ts";

export interface ProtobufField {
  readonly number: number;
  /** Of a varint or a fixed number; whole up to 2^53, beyond it rounded. 0 for the others. */
  readonly value: number;
  /** Of a string, bytes, an inner message, packed numbers or a fixed number: a view into the message. Empty for a varint. */
  readonly bytes: Buffer;
}

const nothing = Buffer.alloc(0);

/** The fields in the order in which they are written. Throws MESSAGE_MALFORMED for what isn't a message. */
export function readFields(message: Buffer): ProtobufField[] {
  const fields: ProtobufField[] = [];
  const cursor = { message, offset: 0 };
  while (cursor.offset < message.length) {
    const tag = readVarint(cursor);
    const number = Math.floor(tag / 8);
    if (number === 0) throw wireMalformed("a field's number is 0");
    fields.push({ number, ...readValue(cursor, tag % 8) });
  }
  return fields;
}

export function readText({ bytes }: ProtobufField): string {
  return bytes.toString("utf8");
}

/** A field that the message's definition calls a double; NaN where it is something else. */
export function readDouble({ bytes }: ProtobufField): number {
  return bytes.length === 8 ? bytes.readDoubleLE() : Number.NaN;
}

interface Cursor {
  readonly message: Buffer;
  offset: number;
}

function readValue(cursor: Cursor, wireType: number): { value: number; bytes: Buffer } {
  switch (wireType) {
    case 0:
      return { value: readVarint(cursor), bytes: nothing };
    case 1: {
      const bytes = take(cursor, 8);
      return { value: Number(bytes.readBigUInt64LE()), bytes };
    }
    case 2:
      return { value: 0, bytes: take(cursor, readVarint(cursor)) };
    case 5: {
      const bytes = take(cursor, 4);
      return { value: bytes.readUInt32LE(), bytes };
    }
    default:
      throw wireMalformed(`there is no wire type ${wireType}`);
  }
}

function readVarint(cursor: Cursor): number {
  let value = 0;
  let scale = 1;
  for (let length = 0; length < 10; length += 1) {
    const byte = cursor.message[cursor.offset];
    if (byte === undefined) throw wireMalformed("it ends within a number");
    cursor.offset += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  throw wireMalformed("a number has more than ten bytes");
}

function take(cursor: Cursor, length: number): Buffer {
  const { message, offset } = cursor;
  if (length > message.length - offset) throw wireMalformed("it ends within a field");
  cursor.offset += length;
  return message.subarray(offset, offset + length);
}
