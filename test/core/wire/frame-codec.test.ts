import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nowhere, type Device } from "../../../core/catalog/device.ts";
import { defineMetric, openMetric } from "../../../core/catalog/metric.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import {
  createFrameDecoder,
  createFrameEncoder,
  frameVersion,
  type FrameLimits,
} from "../../../core/wire/frame-codec.ts";
import { isPresent, type Frame, type Schema } from "../../../core/wire/frame.ts";
import { fillFrame, schemaOf } from "./frames.ts";

const plain = openMetric("plain", "gauge", "x", ["n"]);
const words = new BigUint64Array(1);
const number = new Float64Array(words.buffer);

/** The bits of what is present, so that NaNs and -0 are told apart. */
function bitsOf(frame: Frame): (bigint | null)[] {
  const bits = new BigUint64Array(frame.values.slice().buffer);
  return frame.schema.series.map((_, slot) =>
    isPresent(frame.present, slot) ? (bits[slot] ?? null) : null,
  );
}

function plainSchema(length: number, version = 1): Schema {
  return schemaOf(
    Array.from({ length }, (_, n) => ({ metric: plain, values: [String(n)], value: 0 })),
    version,
  );
}

function decodeAll(bytes: Buffer, limits: Partial<FrameLimits> = {}): Frame[] {
  const frames: Frame[] = [];
  const taken = createFrameDecoder(limits).decode(bytes, (frame) => frames.push(copyOf(frame)));
  expect(taken).toBe(bytes.length);
  return frames;
}

function copyOf(frame: Frame): Frame {
  return {
    ...frame,
    timestamps: frame.timestamps.slice(),
    values: frame.values.slice(),
    present: frame.present.slice(),
  };
}

function encodeAll(frames: readonly Frame[], stream = 0): Buffer {
  const encoder = createFrameEncoder({ stream });
  return Buffer.concat(frames.map((frame) => Buffer.from(encoder.encode(frame))));
}

/** A message with a right header, whatever its body. */
function messageOf(kind: number, body: Buffer, version = frameVersion): Buffer {
  const message = Buffer.concat([Buffer.from([0x57, 0x57, version, kind]), Buffer.alloc(8), body]);
  message.writeUInt32LE(body.length, 4);
  message.writeUInt32LE(crc32(body, crc32(message.subarray(0, 8))), 8);
  return message;
}

test("carries a schema whole: origin, devices, metrics, groups", () => {
  const gpu: Device = {
    kind: "gpu",
    id: "GPU-1",
    node: "node1",
    name: "gpu0",
    model: "H100 é",
    place: { ...nowhere, rack: "r7" },
  };
  const temperature = defineMetric({
    name: "DCGM_FI_DEV_GPU_TEMP",
    kind: "gauge",
    unit: "celsius",
    help: "Temperature.",
    labels: ["gpu", "UUID"],
    compatibilityOnly: true,
  });
  const delay = defineMetric({
    name: "warpwatch_delay_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Delay.",
    buckets: [0.1, 1],
  });
  const schema: Schema = {
    origin: { node: "node1", job: "gpu", instance: "node1:9410", boot: "b" },
    version: 42,
    groups: [
      { source: "nvml", first: 0, length: 2 },
      { source: "none", first: 2, length: 0 },
      { source: "self", first: 2, length: 1 },
    ],
    series: [
      { metric: temperature, values: ["0", "GPU-1"], device: gpu },
      { metric: temperature, values: ["1", ""], device: null },
      { metric: delay, values: [], device: { ...gpu, id: "GPU-2" } },
    ],
  };
  const [frame] = decodeAll(encodeAll([fillFrame(schema, [31, null, 0.5])]));
  expect(frame?.schema).toEqual(schema);
  expect([...(frame?.timestamps ?? [])]).toEqual([
    1_790_000_001_000, 1_790_000_001_000, 1_790_000_001_000,
  ]);
});

test.each([
  [
    "whole numbers",
    [0, 1, 5, -5, 1e6, 4096, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 52, 2 ** 53, 2 ** 60],
  ],
  ["decimals", [0.1, 0.25, 12.34, 1e-6, -1e-6, 1e-7, 1 / 3, 1234567.891, 0.1 + 0.2]],
  ["odd numbers", [-0, 0, Number.NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, -0, 7]],
])("gives back %s exactly, in any order", (_, numbers) => {
  const schema = plainSchema(1);
  const order = [...numbers, ...numbers.toReversed()];
  const frames = order.map((value, index) => fillFrame(schema, [value], index + 1));
  expect(decodeAll(encodeAll(frames)).map(bitsOf)).toEqual(frames.map(bitsOf));
});

test("gives back the staleness marker bit for bit", () => {
  const frame = fillFrame(plainSchema(2), [1, 2]);
  words[0] = 0x7ff0000000000002n;
  new Uint8Array(frame.values.buffer).set(new Uint8Array(words.buffer), 8);
  const [decoded] = decodeAll(encodeAll([frame]));
  expect(decoded && bitsOf(decoded)).toEqual([0x3ff0000000000000n, 0x7ff0000000000002n]);
});

test("keeps absence, completeness and sequence apart from the numbers", () => {
  const schema = plainSchema(9);
  const frames = [
    fillFrame(schema, [1, null, 0, null, 5, 6, 7, 8, null], 7),
    { ...fillFrame(schema, [null, null, 0, null, 5, 6, 7, 8, 9], 10), complete: false },
    fillFrame(schema, [1, 2, 0, null, 5, 6, 7, 8, 9], 11),
  ];
  const decoded = decodeAll(encodeAll(frames));
  expect(decoded.map(bitsOf)).toEqual(frames.map(bitsOf));
  expect(decoded.map((frame) => [frame.sequence, frame.complete])).toEqual([
    [7, true],
    [10, false],
    [11, true],
  ]);
});

test("sends the schema once, and again when it changes or after a restart", () => {
  const encoder = createFrameEncoder();
  const first = plainSchema(50);
  const kindsOf = (bytes: Buffer): number[] => {
    const found: number[] = [];
    for (let at = 0; at < bytes.length; at += 12 + bytes.readUInt32LE(at + 4))
      found.push(bytes[at + 3] ?? 0);
    return found;
  };
  const numbers = Array<number>(50).fill(3);
  expect(kindsOf(encoder.encode(fillFrame(first, numbers, 1)))).toEqual([1, 2]);
  expect(kindsOf(encoder.encode(fillFrame(first, numbers, 2)))).toEqual([2]);
  expect(kindsOf(encoder.encode(fillFrame(plainSchema(50, 2), numbers, 3)))).toEqual([1, 2]);
  encoder.restart();
  expect(kindsOf(encoder.encode(fillFrame(first, numbers, 4)))).toEqual([1, 2]);
  expect(kindsOf(encoder.encode(fillFrame(first, numbers, 4)))).toEqual([1, 2]);
});

test("keeps the streams of one connection apart", () => {
  const left = createFrameEncoder({ stream: 1 });
  const right = createFrameEncoder({ stream: 2 });
  const schema = plainSchema(1);
  const bytes = [1, 2, 3].flatMap((sequence) => [
    Buffer.from(left.encode(fillFrame(schema, [sequence], sequence))),
    Buffer.from(right.encode(fillFrame(schema, [sequence * 100], sequence))),
  ]);
  expect(decodeAll(Buffer.concat(bytes)).map((frame) => frame.values[0])).toEqual([
    1, 100, 2, 200, 3, 300,
  ]);
});

test("takes whole messages and leaves the beginning of the next", () => {
  const schema = plainSchema(3);
  const bytes = encodeAll([fillFrame(schema, [1, 2, 3], 1), fillFrame(schema, [4, 5, 6], 2)]);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const decoder = createFrameDecoder();
    const values: (number | undefined)[] = [];
    const taken = decoder.decode(bytes.subarray(0, cut), (frame) => values.push(frame.values[0]));
    expect(taken).toBeLessThanOrEqual(cut);
    decoder.decode(bytes.subarray(taken), (frame) => values.push(frame.values[0]));
    expect(values).toEqual([1, 4]);
  }
});

const good = encodeAll([fillFrame(plainSchema(3), [1, 2, 3], 1)]);
const schemaBody = good.subarray(12, 12 + good.readUInt32LE(4));

test.each([
  ["another format", Buffer.from("GET / HTTP/1.1\r\n"), "this isn't a frame message"],
  ["another version", messageOf(1, schemaBody, 9), "the frame format is version 9, not 1"],
  ["an unknown kind", messageOf(7, schemaBody), "message kind 7 is unknown"],
  [
    "a frame before any schema",
    messageOf(2, Buffer.from([5, 1, 0, 0])),
    "stream 5 has a frame but no schema",
  ],
  ["an empty body", messageOf(1, Buffer.alloc(0)), "ends in the middle of a field"],
  [
    "more behind a schema",
    messageOf(1, Buffer.concat([schemaBody, Buffer.of(0)])),
    "more behind the schema",
  ],
  [
    "a count that the message can't hold",
    messageOf(1, Buffer.of(0, 100)),
    "100 texts but is too short",
  ],
  ["a huge count", messageOf(1, Buffer.of(0, 255, 255, 255, 255, 15)), "over the limit of 500000"],
  ["a huge number", messageOf(1, Buffer.alloc(9, 0xff)), "a number in the message is over 2^53"],
  ["a text that isn't UTF-8", messageOf(1, Buffer.of(0, 1, 1, 0xff)), "isn't UTF-8"],
  [
    "unknown flags",
    Buffer.concat([good, messageOf(2, Buffer.of(0, 2, 1, 64))]),
    "unknown flags: 64",
  ],
  [
    "a missing frame",
    Buffer.concat([good, messageOf(2, Buffer.of(0, 9, 1, 1, 0))]),
    "frame 9 is the difference from 8, but 1 was the last",
  ],
  [
    "presence beyond the schema",
    Buffer.concat([good, messageOf(2, Buffer.of(0, 2, 1, 2, 255, 0))]),
    "which the schema hasn't got",
  ],
  [
    "a number beyond the schema",
    Buffer.concat([good, messageOf(2, Buffer.of(0, 2, 1, 0, 128, 0))]),
    "a series that isn't there",
  ],
  [
    "more behind a frame",
    Buffer.concat([good, messageOf(2, Buffer.of(0, 2, 1, 0, 0, 0))]),
    "more behind the frame",
  ],
  [
    "a cut number",
    Buffer.concat([good, messageOf(2, Buffer.of(0, 2, 1, 0, 2, 0, 1))]),
    "ends in the middle of a field",
  ],
])("refuses %s in one sentence", (_, bytes, sentence) => {
  const decoder = createFrameDecoder();
  const attempt = (): number => decoder.decode(bytes, () => undefined);
  expect(attempt).toThrow(WarpwatchError);
  expect(attempt).toThrow(sentence);
});

test.each([
  ["series", { series: 2 }, "3 series, over the limit of 2"],
  ["groups", { groups: 0 }, "1 groups, over the limit of 0"],
  ["metrics", { metrics: 0 }, "1 metrics, over the limit of 0"],
  ["labels", { labels: 0 }, "1 labels, over the limit of 0"],
  ["texts", { texts: 3 }, "texts, over the limit of 3"],
  ["text bytes", { textBytes: 2 }, "bytes, over the limit of 2"],
  ["message bytes", { messageBytes: 20 }, "is over the limit of 20"],
  ["streams", { streams: 0 }, "there are more than 0 streams"],
])("holds the limit on %s", (_, limits, sentence) => {
  expect(() => decodeAll(good, limits)).toThrow(sentence);
});

test("finds every single damaged byte", () => {
  const bytes = encodeAll([fillFrame(plainSchema(4), [1, 2.5, Number.NaN, null])]);
  for (let at = 0; at < bytes.length; at += 1) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    let frames = 0;
    const decode = (): number => createFrameDecoder().decode(damaged, () => (frames += 1));
    try {
      expect(decode()).toBeLessThan(bytes.length);
    } catch (error) {
      expect(error).toMatchObject({ code: "FRAME_MALFORMED" });
    }
    expect(frames).toBe(0);
  }
});

test("refuses a number for a series that is absent", () => {
  const bytes = Buffer.concat([
    encodeAll([fillFrame(plainSchema(3), [1, null, 3], 1)]),
    messageOf(2, Buffer.of(0, 2, 1, 0, 0b100, 10)),
  ]);
  expect(() => decodeAll(bytes)).toThrow("a number for a series that isn't present");
});

test("reads on from a schema after a stream broke", () => {
  const decoder = createFrameDecoder();
  const later = messageOf(2, Buffer.of(0, 2, 1, 0, 0));
  expect(() =>
    decoder.decode(Buffer.concat([good, messageOf(9, later)]), () => undefined),
  ).toThrow();
  expect(() => decoder.decode(later, () => undefined)).toThrow(
    "stream 0 has a frame but no schema",
  );
  let frames = 0;
  decoder.decode(good, () => (frames += 1));
  expect(frames).toBe(1);
});

const sample = fc.option(
  fc.oneof(
    fc.double(),
    fc.integer({ min: 0, max: 100 }),
    fc.maxSafeInteger(),
    fc.integer().map((whole) => whole / 1000),
  ),
);

test("gives back any run of frames bit for bit", () => {
  const runs = fc
    .integer({ min: 1, max: 20 })
    .chain((length) =>
      fc.array(fc.array(sample, { minLength: length, maxLength: length }), { maxLength: 8 }),
    );
  fc.assert(
    fc.property(runs, (rows) => {
      const schema = plainSchema(rows[0]?.length ?? 1);
      const frames = rows.map((row, index) => fillFrame(schema, row, index + 1));
      const decoded = decodeAll(encodeAll(frames));
      expect(decoded.map(bitsOf)).toEqual(frames.map(bitsOf));
      expect(decoded.map((frame) => frame.timestamps)).toEqual(
        frames.map((frame) => frame.timestamps),
      );
    }),
    { numRuns: 300 },
  );
});

test("gives back any bits of a float64", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (bits) => {
      const frame = fillFrame(plainSchema(1), [0]);
      words[0] = bits;
      new Uint8Array(frame.values.buffer).set(new Uint8Array(number.buffer));
      const [decoded] = decodeAll(encodeAll([frame]));
      expect(decoded && bitsOf(decoded)).toEqual([bits]);
    }),
    { numRuns: 500 },
  );
});

test("throws nothing but FRAME_MALFORMED for bodies of any bytes", () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc
      .tuple(fc.nat(schemaBody.length), fc.uint8Array({ minLength: 1, maxLength: 3 }))
      .map(([at, bytes]) =>
        Buffer.concat([schemaBody.subarray(0, at), bytes, schemaBody.subarray(at + bytes.length)]),
      ),
  );
  fc.assert(
    fc.property(body, body, (first, second) => {
      const bytes = Buffer.concat([
        messageOf(1, Buffer.from(first)),
        messageOf(2, Buffer.from(second)),
      ]);
      try {
        createFrameDecoder({ series: 100 }).decode(bytes, () => undefined);
      } catch (error) {
        expect(error).toMatchObject({ code: "FRAME_MALFORMED" });
      }
    }),
    { numRuns: 2000 },
  );
});

test("takes about 1.3 bytes a sample when 40 % of a node's samples change", () => {
  const length = 2500;
  const schema = plainSchema(length);
  const numbers = Array.from({ length }, (_, n) => (n % 3 === 0 ? n * 1.25 : n * 1000));
  const encoder = createFrameEncoder();
  encoder.encode(fillFrame(schema, numbers, 1));
  let random = 1;
  const next = (): number => (random = (random * 48271) % 2147483647);
  let bytes = 0;
  for (let sequence = 2; sequence <= 21; sequence += 1) {
    for (let n = 0; n < length; n += 1)
      if (next() % 10 < 4)
        numbers[n] = n % 3 === 0 ? (next() % 10_000) / 100 : (numbers[n] ?? 0) + (next() % 20_000);
    bytes += encoder.encode(fillFrame(schema, numbers, sequence)).length;
  }
  expect(bytes / 20 / length).toBeLessThan(1.4);
});
