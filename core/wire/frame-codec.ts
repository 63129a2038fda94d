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
  type ByteReader,
  malformed,
  maximumVarintBytes,
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
  /** The frame's message, the schema's before it where the other side hasn't got it. Its memory is used again by the next `encode`. */
  encode(frame: Frame): Buffer;
  /** The next frame goes out with its schema and whole: after a reconnect, or at the start of a file. */
  restart(): void;
}

export interface FrameDecoder {
  /**
   * Hands on the frames of all complete messages in `bytes` and returns how many bytes those took; the rest is the
   * beginning of a message. Throws FRAME_MALFORMED: the connection or file can't be read on from there.
   */
  decode(bytes: Buffer, accept: (frame: Frame) => void): number;
}

interface State {
  readonly schema: Schema;
  readonly column: Column;
  readonly present: Uint8Array;
  /** Of the frame before; null until there was one. */
  sequence: number | null;
}

const magic = 0x57;
const headerBytes = 12;
const kinds = { schema: 1, frame: 2 } as const;
const flagBits = { complete: 1, presence: 2 } as const;

/** An encoder for one origin. `stream` tells origins apart that share a connection. */
export function createFrameEncoder(options: { readonly stream?: number } = {}): FrameEncoder {
  const stream = options.stream ?? 0;
  let state: State | null = null;
  let target = Buffer.alloc(0);

  return {
    restart() {
      state = null;
    },
    encode(frame) {
      let offset = 0;
      const follows = state?.sequence == null || frame.sequence > state.sequence;
      if (state?.schema !== frame.schema || !follows) {
        state = createState(frame.schema);
        const schema = encodeSchema(frame.schema);
        const most = schema.length + maximumFrameBytes(state);
        if (target.length < most) target = Buffer.allocUnsafeSlow(most);
        const start = headerBytes;
        const end = writeVarint(target, start, stream);
        schema.copy(target, end);
        offset = seal(target, 0, kinds.schema, end + schema.length);
      }
      const end = writeFrame(target, offset + headerBytes, stream, frame, state);
      state.sequence = frame.sequence;
      return target.subarray(0, seal(target, offset, kinds.frame, end));
    },
  };
}

function createState(schema: Schema): State {
  return {
    schema,
    column: createColumn(schema.groups.length + schema.series.length),
    present: new Uint8Array(bitmapBytes(schema.series.length)),
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
  at = encodePlaces(column, 0, timestamps, null, target, changed, at);
  return encodePlaces(column, groups, values, present, target, changed, at);
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
  return crc32(bytes.subarray(start + headerBytes, end), crc32(bytes.subarray(start, start + 8)));
}

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

  function readFrame(body: Buffer): Frame {
    const reader = createByteReader(body);
    const stream = reader.varint();
    const state = streams.get(stream);
    if (!state) throw malformed(`stream ${stream} has a frame but no schema`);
    return readDifference(state, reader, body);
  }

  /** After a message that can't be read no stream can be trusted. */
  function readMessage(kind: number, body: Buffer): Frame | null {
    try {
      if (kind === kinds.frame) return readFrame(body);
      if (kind !== kinds.schema) throw malformed(`message kind ${kind} is unknown`);
      readSchema(body);
      return null;
    } catch (error) {
      streams.clear();
      throw error;
    }
  }

  return {
    decode(bytes, accept) {
      let at = 0;
      for (;;) {
        const end = endOfMessage(bytes, at, bounds.messageBytes);
        if (end === null) return at;
        const body = bytes.subarray(at + headerBytes, end);
        const frame = readMessage(bytes[at + 3] ?? 0, body);
        if (frame) accept(frame);
        at = end;
      }
    },
  };
}

/** Reads a frame over the one before it in its stream. */
function readDifference(state: State, reader: ByteReader, body: Buffer): Frame {
  const { schema, column, present } = state;
  const sequence = reader.varint();
  const base = sequence - reader.varint();
  const flags = reader.byte();
  if (flags > (flagBits.complete | flagBits.presence))
    throw malformed(`the frame has unknown flags: ${flags}`);
  if (base !== (state.sequence ?? sequence))
    throw malformed(
      `frame ${sequence} is the difference from ${base}, but ${state.sequence ?? "none"} was the last`,
    );
  if ((flags & flagBits.presence) !== 0) readPresence(state, reader.bytes(present.length));
  const groups = schema.groups.length;
  const end = decodeColumn(column, groups, present, body, reader.offset);
  if (end < body.length) throw malformed("there is more behind the frame");
  state.sequence = sequence;
  return {
    schema,
    sequence,
    timestamps: column.numbers.subarray(0, groups),
    values: column.numbers.subarray(groups),
    present,
    complete: (flags & flagBits.complete) !== 0,
  };
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
