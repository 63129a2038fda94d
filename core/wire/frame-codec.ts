/**
 * The frame codec: a stream of messages that carries schemas whole and frames as differences from the frame before.
 * One connection or file may carry several streams; a stream is one origin's.
 *
 *     message = "WW" version kind length checksum body
 *               version, kind: 1 byte; length of body, checksum: 4 bytes little-endian
 *               checksum: CRC-32 of body, begun with that of the 8 bytes before it
 *     body    = stream schema                                             kind 1, see frame-schema-codec.ts
 *             | stream sequence gap flags [ presence ] column             kind 2, see frame-column.ts
 *               stream, sequence, gap: varints; gap: sequence minus that of the frame it is the difference from
 *               the first after a schema is the difference from a frame of nothing, and its gap is 0
 *     flags   = 1 complete | 2 presence follows
 *     presence: one bit per series, least significant first; as in the frame before where it doesn't follow
 *     column  : the groups' timestamps, then the series' values
 */
import { crc32 } from "node:zlib";
import {
  createByteReader,
  malformed,
  maximumVarintBytes,
  readVarint,
  varintSize,
  writeVarint,
} from "./bytes.ts";
import {
  bitmapBytes,
  createColumn,
  decodeColumn,
  encodePlaces,
  maximumColumnBytes,
  type Column,
} from "./frame-column.ts";
import { decodeSchema, encodeSchema, type SchemaLimits } from "./frame-schema-codec.ts";
import type { Frame, Schema } from "./frame.ts";

export const frameVersion = 1;

export interface FrameLimits extends SchemaLimits {
  /** Bytes of one message's body. */
  readonly messageBytes: number;
  readonly streams: number;
}

const defaultFrameLimits: FrameLimits = {
  messageBytes: 16 * 1024 * 1024,
  streams: 64,
  series: 100_000,
  groups: 256,
  metrics: 20_000,
  devices: 20_000,
  labels: 64,
  buckets: 64,
  texts: 500_000,
  textBytes: 8192,
};

export interface FrameEncoder {
  /** The frame's message, the schema's before it where the other side hasn't got it. Its memory, the room, is used again by the next `encode`. */
  encode(frame: Frame): Buffer;
  /**
   * The next frame goes out with its schema and whole: after a reconnect, or at the start of a file. Where `withSchema`
   * is false the other side has the message of its schema from elsewhere.
   */
  restart(options?: { readonly withSchema: boolean }): void;
}

export interface FrameDecoder {
  /**
   * Hands on the frames of all complete messages in `bytes` and returns how many bytes those took; the rest is the
   * beginning of a message. Throws FRAME_MALFORMED: the connection or file can't be read on from there.
   */
  decode(bytes: Buffer, accept: (frame: Frame) => void): number;
  /** The same for the message that begins at `offset` alone: returns the offset behind it, or `offset` while it is incomplete. */
  decodeOne(bytes: Buffer, offset: number, accept: (frame: Frame) => void): number;
}

interface State {
  readonly schema: Schema;
  readonly column: Column;
  readonly present: Uint8Array;
  /** A bit per slot: which of them the frame has a number for. */
  readonly changed: Uint8Array;
  /** Parts of the column. */
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  /** Of the frame before; null until there was one. */
  sequence: number | null;
}

const magic = 0x57;
const headerBytes = 12;
const kinds = { schema: 1, frame: 2 } as const;
const flagBits = { complete: 1, presence: 2 } as const;
const nothing = Buffer.alloc(0);
const anyPlace = { present: null, slots: null };

/** Where messages are written. Encoders may share it whose messages are copied before any of them encodes again. */
export interface EncoderRoom {
  bytes: Buffer;
}

export interface FrameEncoderOptions {
  /** Tells origins apart that share a connection. */
  readonly stream?: number;
  readonly room?: EncoderRoom;
}

/** An encoder for one origin. */
export function createFrameEncoder(options: FrameEncoderOptions = {}): FrameEncoder {
  const { stream = 0, room = { bytes: Buffer.alloc(0) } } = options;
  let state: State | null = null;
  let withSchema = true;

  return {
    restart(options) {
      state = null;
      withSchema = options?.withSchema ?? true;
    },
    encode(frame) {
      let offset = 0;
      const follows = state?.sequence == null || frame.sequence > state.sequence;
      if (state?.schema !== frame.schema || !follows) {
        state = createState(frame.schema);
        const schema = withSchema ? encodeSchemaMessage(frame.schema, stream) : nothing;
        withSchema = true;
        const most = schema.length + maximumFrameBytes(state);
        if (room.bytes.length < most) room.bytes = Buffer.allocUnsafeSlow(most);
        offset = schema.copy(room.bytes);
      }
      const target = room.bytes;
      const end = writeFrame(target, offset + headerBytes, stream, frame, state);
      state.sequence = frame.sequence;
      return target.subarray(0, seal(target, offset, kinds.frame, end));
    },
  };
}

/** The message that goes before the first frame of a schema. */
export function encodeSchemaMessage(schema: Schema, stream = 0): Buffer {
  const body = encodeSchema(schema);
  const message = Buffer.allocUnsafe(headerBytes + maximumVarintBytes + body.length);
  const start = writeVarint(message, headerBytes, stream);
  body.copy(message, start);
  return message.subarray(0, seal(message, 0, kinds.schema, start + body.length));
}

function createState(schema: Schema): State {
  const groups = schema.groups.length;
  const column = createColumn(groups + schema.series.length);
  return {
    schema,
    column,
    present: new Uint8Array(bitmapBytes(schema.series.length)),
    changed: new Uint8Array(bitmapBytes(schema.series.length)),
    timestamps: column.numbers.subarray(0, groups),
    values: column.numbers.subarray(groups),
    sequence: null,
  };
}

function maximumFrameBytes({ column }: State): number {
  return (
    2 * headerBytes +
    4 * maximumVarintBytes +
    bitmapBytes(column.length) +
    maximumColumnBytes(column.length)
  );
}

function writeFrame(
  target: Buffer,
  start: number,
  stream: number,
  frame: Frame,
  state: State,
): number {
  const { schema, column, present } = state;
  const bitmap = frame.present.subarray(0, present.length);
  const presence = Buffer.compare(bitmap, present) !== 0;
  const { difference } = frame;
  const slots = difference && difference.since === state.sequence ? difference.slots : null;
  let at = writeVarint(target, start, stream);
  at = writeVarint(target, at, frame.sequence);
  at = writeVarint(target, at, frame.sequence - (state.sequence ?? frame.sequence));
  target[at] = (frame.complete ? flagBits.complete : 0) | (presence ? flagBits.presence : 0);
  at += 1;
  if (presence) {
    present.fill(0);
    present.set(bitmap);
    clearPadding(present, schema.series.length);
    target.set(present, at);
    at += present.length;
  }
  const groups = schema.groups.length;
  const changed = at;
  at += bitmapBytes(column.length);
  target.fill(0, changed, at);
  const timestamps = frame.timestamps.subarray(0, groups);
  const values = frame.values.subarray(0, schema.series.length);
  at = encodePlaces(column, 0, timestamps, anyPlace, target, changed, at);
  return encodePlaces(column, groups, values, { present, slots }, target, changed, at);
}

/** Bits behind the last series are 0, whatever the frame has there. */
function clearPadding(present: Uint8Array, length: number): void {
  const used = length & 7;
  const last = present.length - 1;
  if (used !== 0) present[last] = (present[last] ?? 0) & ((1 << used) - 1);
}

/** Writes the header before a body that ends at `end`; returns `end`. */
function seal(target: Buffer, start: number, kind: number, end: number): number {
  target[start] = magic;
  target[start + 1] = magic;
  target[start + 2] = frameVersion;
  target[start + 3] = kind;
  target.writeUInt32LE(end - start - headerBytes, start + 4);
  target.writeUInt32LE(checksum(target, start, end), start + 8);
  return end;
}

function checksum(bytes: Buffer, start: number, end: number): number {
  // Of a few bytes it is quicker than to ask zlib for it.
  let begun = ~0;
  for (let at = start; at < start + 8; at += 1)
    begun = checksumTable[(begun ^ bytes[at]!) & 255]! ^ (begun >>> 8);
  const body = new Uint8Array(
    bytes.buffer,
    bytes.byteOffset + start + headerBytes,
    end - start - headerBytes,
  );
  return crc32(body, ~begun >>> 0);
}

/** CRC-32 of a byte, as zlib and gzip (RFC 1952, section 8) have it. */
const checksumTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1)
    remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ 0xedb88320;
  return remainder;
});

export function createFrameDecoder(limits: Partial<FrameLimits> = {}): FrameDecoder {
  const bounds = { ...defaultFrameLimits, ...limits };
  const streams = new Map<number, State>();

  function readSchema(body: Buffer): void {
    const reader = createByteReader(body);
    const stream = reader.varint();
    if (!streams.has(stream) && streams.size >= bounds.streams)
      throw malformed(`there are more than ${bounds.streams} streams`);
    const state = createState(decodeSchema(reader, bounds));
    if (reader.left > 0) throw malformed("there is more behind the schema");
    streams.set(stream, state);
  }

  function readFrame(bytes: Buffer, start: number, end: number): Frame {
    const size = varintSize(bytes, start);
    const stream = readVarint(bytes, start, size);
    const state = streams.get(stream);
    if (!state) throw malformed(`stream ${stream} has a frame but no schema`);
    return readDifference(state, bytes, start + size, end);
  }

  /** After a message that can't be read no stream can be trusted. */
  function readMessage(bytes: Buffer, offset: number, end: number): Frame | null {
    const kind = bytes[offset + 3];
    const start = offset + headerBytes;
    try {
      if (kind === kinds.frame) return readFrame(bytes, start, end);
      if (kind !== kinds.schema) throw malformed(`message kind ${kind} is unknown`);
      readSchema(bytes.subarray(start, end));
      return null;
    } catch (error) {
      streams.clear();
      throw error;
    }
  }

  function decodeOne(bytes: Buffer, offset: number, accept: (frame: Frame) => void): number {
    const end = endOfMessage(bytes, offset, bounds.messageBytes);
    if (end === null) return offset;
    const frame = readMessage(bytes, offset, end);
    if (frame) accept(frame);
    return end;
  }

  return {
    decodeOne,
    decode(bytes, accept) {
      for (let at = 0; ;) {
        const next = decodeOne(bytes, at, accept);
        if (next === at) return at;
        at = next;
      }
    },
  };
}

/** Reads a frame over the one before it in its stream. */
function readDifference(state: State, bytes: Buffer, start: number, end: number): Frame {
  const { schema, column, present } = state;
  const sequenceBytes = varintSize(bytes, start);
  const sequence = readVarint(bytes, start, sequenceBytes);
  const gapBytes = varintSize(bytes, start + sequenceBytes);
  const base = sequence - readVarint(bytes, start + sequenceBytes, gapBytes);
  let at = start + sequenceBytes + gapBytes;
  if (at >= end) throw malformed("the message ends in the middle of a field");
  const flags = bytes[at]!;
  at += 1;
  if (flags > (flagBits.complete | flagBits.presence))
    throw malformed(`the frame has unknown flags: ${flags}`);
  if (base !== (state.sequence ?? sequence))
    throw malformed(
      `frame ${sequence} is the difference from ${base}, but ${state.sequence ?? "none"} was the last`,
    );
  if ((flags & flagBits.presence) !== 0) {
    if (end - at < present.length) throw malformed("the message ends in the middle of a field");
    readPresence(state, bytes.subarray(at, at + present.length));
    at += present.length;
  }
  const last = decodeColumn(column, bytes, at, end);
  noteChanged(state, bytes, at);
  if (last < end) throw malformed("there is more behind the frame");
  const complete = (flags & flagBits.complete) !== 0;
  const { timestamps, values } = state;
  const frame = { schema, sequence, timestamps, values, present, complete };
  const isFirst = state.sequence === null;
  state.sequence = sequence;
  return isFirst ? frame : { ...frame, difference: { since: base, slots: state.changed } };
}

/** The column's bits without those of the groups' timestamps; a series that isn't present can't have one. */
function noteChanged({ schema, present, changed }: State, bytes: Buffer, offset: number): void {
  const groups = schema.groups.length;
  const shift = groups & 7;
  const first = offset + (groups >> 3);
  const end = offset + bitmapBytes(groups + schema.series.length);
  let foreign = 0;
  for (let index = 0; index < changed.length; index += 1) {
    const low = bytes[first + index]! >> shift;
    const high = first + index + 1 < end ? bytes[first + index + 1]! << (8 - shift) : 0;
    const bits = (low | high) & 255;
    changed[index] = bits;
    foreign |= bits & ~present[index]!;
  }
  if (foreign !== 0) throw malformed("the frame has a number for a series that isn't present");
}

function readPresence({ schema, present }: State, bitmap: Buffer): void {
  present.set(bitmap);
  clearPadding(present, schema.series.length);
  if (Buffer.compare(present, bitmap) !== 0)
    throw malformed("the frame says that a series is present which the schema hasn't got");
}

/** Where the message ends that begins at `at`, once its header and checksum are found right; null while it is incomplete. */
function endOfMessage(bytes: Buffer, at: number, maximumBytes: number): number | null {
  const there = bytes.length - at;
  if ((there > 0 && bytes[at] !== magic) || (there > 1 && bytes[at + 1] !== magic))
    throw malformed("this isn't a frame message");
  if (there > 2 && bytes[at + 2] !== frameVersion)
    throw malformed(`the frame format is version ${bytes[at + 2]}, not ${frameVersion}`);
  if (there < headerBytes) return null;
  const length = bytes.readUInt32LE(at + 4);
  if (length > maximumBytes)
    throw malformed(`a message of ${length} bytes is over the limit of ${maximumBytes}`);
  if (there < headerBytes + length) return null;
  const end = at + headerBytes + length;
  if (bytes.readUInt32LE(at + 8) !== checksum(bytes, at, end))
    throw malformed("the checksum of a message is wrong: it was damaged on its way");
  return end;
}
