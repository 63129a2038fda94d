import { assert, nat, property, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { createWriteRequestReader } from "../../../core/wire/write-request-v1.ts";
import { createWriteRequestV2Reader } from "../../../core/wire/write-request-v2.ts";
import {
  createWriteRequestWriter,
  encodeLabels,
  encodeWriteRequest,
  encodeWriteRequestV2,
  type WrittenSeries,
} from "../../../core/wire/write-request-writer.ts";
import {
  defaultWriteRequestLimits,
  type FamilyMetadata,
  type WireLabel,
  type WriteRequestLimits,
  type WriteRequestReader,
} from "../../../core/wire/write-request.ts";

const time = 1_767_000_000_123;
const versions = [
  {
    name: "1.0",
    create: createWriteRequestReader,
    encode: (list: Written) => encodeWriteRequest(list),
  },
  { name: "2.0", create: createWriteRequestV2Reader, encode: encodeWriteRequestV2 },
] as const;
type Written = readonly WrittenSeries[];

function labelled(labels: Readonly<Record<string, string>>): WireLabel[] {
  return Object.entries(labels).map(([name, value]) => ({ name, value }));
}

function series(
  labels: Readonly<Record<string, string>>,
  ...values: readonly number[]
): WrittenSeries {
  const samples = values.map((value, index) => ({ time: time + index * 1000, value }));
  return { labels: labelled(labels), samples };
}

/** A reader that numbers series in the order in which they are asked for, and remembers what it was asked. */
function open(
  create: (typeof versions)[number]["create"],
  limits: Partial<WriteRequestLimits> = {},
): { reader: WriteRequestReader; asked: (string | null)[]; metadata: (FamilyMetadata | null)[] } {
  const asked: (string | null)[] = [];
  const metadata: (FamilyMetadata | null)[] = [];
  const reader = create({ ...defaultWriteRequestLimits, ...limits }, (labels, about) => {
    metadata.push(about);
    if (labels === null) {
      asked.push(null);
      return -1;
    }
    return asked.push(labels.map(({ name, value }) => `${name}=${value}`).join(" ")) - 1;
  });
  return { reader, asked, metadata };
}

function read(reader: WriteRequestReader, message: Buffer) {
  const { length, series: numbers, times, values } = reader.read(message);
  return Array.from({ length }, (_, at) => [numbers[at], times[at], values[at]]);
}

describe.each(versions)("a remote-write $name request", ({ create, encode }) => {
  const request = [
    series({ __name__: "up", instance: "a:1", job: "node" }, 1),
    series(
      { __name__: "load", instance: "a:1", job: "node", note: "größer \u0000" },
      0.25,
      0,
      -3e300,
    ),
  ];

  it("gives its samples as numbers of series, times and values", () => {
    const { reader, asked } = open(create);
    expect(read(reader, encode(request))).toEqual([
      [0, time, 1],
      [1, time, 0.25],
      [1, time + 1000, 0],
      [1, time + 2000, -3e300],
    ]);
    expect(asked).toEqual([
      "__name__=up instance=a:1 job=node",
      "__name__=load instance=a:1 job=node note=größer \u0000",
    ]);
  });

  it("asks once for labels that come again, in whatever order and number", () => {
    const { reader, asked } = open(create);
    const many = Array.from({ length: 500 }, (_, at) =>
      series(
        { __name__: `metric_${at}`, instance: "a:1", job: "a job with a name that is long" },
        at,
      ),
    );
    read(reader, encode(many));
    read(reader, encode(many));
    const shuffled = [
      ...many.slice(300),
      ...many.slice(0, 200).toReversed(),
      ...many.slice(100, 150),
    ];
    const numbers = read(reader, encode(shuffled)).map(([number]) => number);
    expect(numbers).toEqual(shuffled.map((one) => Number(one.labels[0]?.value.slice(7))));
    expect(asked).toHaveLength(500);
  });

  it("keeps a series apart from one whose labels go on after the same beginning", () => {
    const { reader, asked } = open(create);
    const short = series(
      { __name__: "a_metric_with_a_name_as_long_as_it_takes", job: "j".repeat(80) },
      1,
    );
    const long = { ...short, labels: [...short.labels, { name: "zone", value: "z" }] };
    for (const list of [
      [short, long],
      [long, short],
      [long, long],
      [short, short, long],
    ])
      read(reader, encode(list));
    expect(asked).toHaveLength(2);
    expect(read(reader, encode([long, short, long])).map(([number]) => number)).toEqual([1, 0, 1]);
  });

  it("asks again for everything once it was told to forget, or its memory is full", () => {
    const { reader, asked } = open(create, { keys: 8 });
    read(reader, encode(request));
    reader.forget();
    read(reader, encode(request));
    expect(asked).toHaveLength(4);
    const many = Array.from({ length: 20 }, (_, at) => series({ __name__: `metric_${at}` }, at));
    for (let round = 0; round < 3; round += 1)
      expect(read(reader, encode(many)).map(([, , value]) => value)).toEqual([...many.keys()]);
  });

  it("keeps the bits of the staleness marker and of other NaNs", () => {
    const { reader } = open(create);
    const message = encode([series({ __name__: "up" }, Number.NaN)]);
    const at = message.indexOf(Buffer.from([0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f]));
    message.writeBigUInt64LE(0x7ff0_0000_0000_0002n, at + 1);
    const { words } = reader.read(message);
    expect([words[0], words[1]]).toEqual([2, 0x7ff0_0000]);
  });

  it("reads a missing value or time as 0 and times before 1970 as what they are", () => {
    const { reader } = open(create);
    const [head, sample] = split(encode([series({ __name__: "up" }, 5)]));
    expect(read(reader, join(head, Buffer.alloc(0)))).toEqual([[0, 0, 0]]);
    const before = Buffer.from([0x10, ...Buffer.alloc(9, 0xff), 0x01]);
    expect(read(reader, join(head, before))).toEqual([[0, -1, 0]]);
    expect(read(reader, join(head, sample))).toEqual([[0, time, 5]]);
  });

  it("sorts labels, takes empty values for none, and refuses what can't be a label set", () => {
    const { reader, asked } = open(create);
    const bad = (labels: readonly WireLabel[]): WrittenSeries => ({ ...series({}, 1), labels });
    read(
      reader,
      encode([
        bad(labelled({ job: "b", __name__: "up", empty: "" })),
        bad([
          ...labelled({ __name__: "up" }),
          { name: "job", value: "a" },
          { name: "job", value: "b" },
        ]),
        bad([...labelled({ __name__: "up" }), { name: "", value: "a" }]),
        bad(Array.from({ length: 200 }, (_, at) => ({ name: `label_${1000 + at}`, value: "x" }))),
        bad([{ name: "__name__", value: "x".repeat(70_000) }]),
      ]),
    );
    expect(asked).toEqual(["__name__=up job=b", null, null, null, null]);
  });

  it("refuses a text that isn't UTF-8 with its series, and keeps the others", () => {
    const { reader, asked } = open(create);
    const message = encode([
      series({ __name__: "up", job: "QQQ" }, 1),
      series({ __name__: "ok" }, 2),
    ]);
    message.write("\u00ff\u00fe\u00fd", message.indexOf("QQQ"), "latin1");
    expect(read(reader, message)).toHaveLength(2);
    expect(asked).toEqual([null, "__name__=ok"]);
  });

  it("refuses more samples than it may hold", () => {
    const { reader } = open(create, { samples: 2048 });
    const many = [series({ __name__: "up" }, ...Array.from({ length: 2049 }, (_, at) => at))];
    expect(() => reader.read(encode(many))).toThrow(/more than 2048 samples/);
  });

  it("refuses a message that is cut off anywhere, or gives fewer samples where the cut is between two", () => {
    const { reader } = open(create);
    const message = encode(request);
    for (let length = 0; length < message.length; length += 1)
      try {
        expect(reader.read(message.subarray(0, length)).length).toBeLessThan(4);
      } catch (thrown) {
        expect(String(thrown)).toMatch(/remote-write request|Protocol Buffers/);
      }
    expect(read(reader, message)).toHaveLength(4);
  });

  it.each([
    ["a length beyond its end", [0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]],
    ["a number of eleven bytes", [0x08, ...Array.from({ length: 10 }, () => 0xff), 0x01]],
    ["a field without a number", [0x02, 0x00]],
    ["a group", [0x0b, 0x0c]],
  ])("refuses %s", (_, bytes) => {
    const { reader } = open(create);
    expect(() => reader.read(Buffer.from(bytes))).toThrow(/not a Protocol Buffers message/);
  });

  it("survives any bytes, and a good message that is spoiled", () => {
    const { reader } = open(create);
    const good = encode(request);
    assert(
      property(uint8Array({ maxLength: 100 }), nat(), (bytes, at) => {
        const spoiled = Buffer.from(good);
        spoiled.set(bytes.subarray(0, 4), at % (spoiled.length - 4));
        for (const message of [Buffer.from(bytes), spoiled])
          try {
            expect(reader.read(message).length).toBeLessThanOrEqual(message.length);
          } catch (thrown) {
            expect(thrown).toMatchObject({ code: "MESSAGE_MALFORMED" });
          }
      }),
      { numRuns: 1000 },
    );
    expect(read(open(create).reader, good)).toHaveLength(4);
  });
});

describe("remote-write 1.0", () => {
  it("tells what a sender says of its families", () => {
    const { reader } = open(createWriteRequestReader);
    const about: FamilyMetadata = { type: "counter", help: "What it counts." };
    const { metadata } = reader.read(encodeWriteRequest([], new Map([["requests", about]])));
    expect([...metadata]).toEqual([["requests", about]]);
  });

  it("is written sample by sample as it is at once", () => {
    const writer = createWriteRequestWriter();
    const list = Array.from({ length: 3000 }, (_, at) =>
      series({ __name__: `m_${at}`, job: "j" }, at),
    );
    for (const { labels, samples } of list) {
      const [low = 0, high = 0] = new Int32Array(Float64Array.of(samples[0]?.value ?? 0).buffer);
      writer.add(encodeLabels(labels), samples[0]?.time ?? 0, low, high);
    }
    expect(writer.samples).toBe(3000);
    expect(writer.finish().equals(encodeWriteRequest(list))).toBe(true);
    expect(writer.bytes).toBe(0);
  });
});

describe("remote-write 2.0", () => {
  it("tells with a new series what its sender says of it, and passes over when it was created", () => {
    const { reader, metadata } = open(createWriteRequestV2Reader);
    const about: FamilyMetadata = { type: "histogram", help: "How long it took." };
    const one = { ...series({ __name__: "up" }, 1), metadata: about, createdMilliseconds: time };
    expect(read(reader, encodeWriteRequestV2([one]))).toEqual([[0, time, 1]]);
    expect(metadata).toEqual([about]);
  });

  it("refuses a series whose references lead nowhere or don't come in pairs, and keeps the others", () => {
    const { reader, asked } = open(createWriteRequestV2Reader);
    const symbols = ["", "__name__", "up"].map((text) => [0x22, text.length, ...Buffer.from(text)]);
    const sample = [0x12, 0x0b, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x01];
    const one = (...references: readonly number[]): number[] => [
      0x2a,
      2 + references.length + sample.length,
      0x0a,
      references.length,
      ...references,
      ...sample,
    ];
    const message = Buffer.from([...symbols.flat(), ...one(1, 9), ...one(1), ...one(1, 2)]);
    expect(read(reader, message)).toHaveLength(3);
    expect(asked).toEqual([null, null, "__name__=up"]);
  });
});

/** A message of one series with one sample: what is before the sample's fields, and they. */
function split(message: Buffer): [Buffer, Buffer] {
  const length = 16;
  return [message.subarray(0, -length), message.subarray(-length)];
}

/** Puts other fields into the sample and mends the two lengths around it. */
function join(head: Buffer, sample: Buffer): Buffer {
  const mended = Buffer.from(head);
  const difference = 16 - sample.length;
  const series = mended.lastIndexOf(0x12);
  mended[series + 1] = sample.length;
  const outer = mended.subarray(0, series);
  for (let at = outer.length - 1; at >= 0; at -= 1)
    if (
      (outer[at] === 0x0a || outer[at] === 0x2a) &&
      at + 2 + (outer[at + 1] ?? 0) === head.length + 16
    ) {
      mended[at + 1] = (mended[at + 1] ?? 0) - difference;
      break;
    }
  return Buffer.concat([mended, sample]);
}
