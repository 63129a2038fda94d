import { assert, constantFrom, nat, property, record, array } from "fast-check";
import { describe, expect, it } from "vitest";
import { createWriteRequestReader } from "../../../core/wire/write-request-v1.ts";
import { encodeLabels } from "../../../core/wire/write-request-writer.ts";
import { defaultWriteRequestLimits } from "../../../core/wire/write-request.ts";

const start = 1_767_000_000_123;

/** A reader with the names that it was told of, so that what two of them read can be compared. */
function open() {
  const names: string[] = [];
  const reader = createWriteRequestReader(defaultWriteRequestLimits, (labels) =>
    labels === null
      ? -1
      : names.push(labels.map(({ name, value }) => `${name}=${value}`).join(" ")) - 1,
  );
  return {
    names,
    read: (message: Buffer): string[] => {
      const { length, series, times, words } = reader.read(message);
      return Array.from({ length }, (_, at) => {
        const number = series[at] ?? -1;
        return `${names[number] ?? number} ${times[at]} ${words[at * 2]} ${words[at * 2 + 1]}`;
      });
    },
  };
}

/** Warm: it read these requests before. It must read the last as one that sees it first. */
function readBoth(before: readonly Buffer[], message: Buffer): [warm: unknown, fresh: unknown] {
  const warm = open();
  for (const one of before) warm.read(one);
  return [attempt(() => warm.read(message)), attempt(() => open().read(message))];
}

function attempt(read: () => string[]): unknown {
  try {
    return read();
  } catch (thrown) {
    return String(thrown);
  }
}

/** As Prometheus writes it: a value of 0 is left out. */
function encodeSeries(labels: Buffer, value: number, time: number): Buffer {
  const bytes: number[] = [];
  for (let rest = time; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) break;
  }
  const number = Buffer.alloc(9, 0x09);
  number.writeDoubleLE(value, 1);
  const sample = Buffer.concat([
    Object.is(value, 0) ? Buffer.alloc(0) : number,
    Buffer.from([0x10, ...bytes]),
  ]);
  return field(0x0a, Buffer.concat([labels, field(0x12, sample)]));
}

function field(tag: number, bytes: Buffer): Buffer {
  const length =
    bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}

function labelsOf(index: number, target = "node-1:9100"): Buffer {
  return encodeLabels([
    { name: "__name__", value: `metric_${100 + index}` },
    { name: "instance", value: target },
    {
      name: "job",
      value:
        index % 3 === 0
          ? "a job with a name that is long enough for two bytes of length, and for more than those, quite"
          : "node",
    },
  ]);
}

function request(indexes: readonly number[], value = 1, time = start): Buffer {
  return Buffer.concat(indexes.map((index) => encodeSeries(labelsOf(index), value + index, time)));
}

const many = Array.from({ length: 40 }, (_, index) => index);

describe("series that a reader of remote-write 1.0 knows", () => {
  it("are told apart from others of the same length at every byte of their labels", () => {
    const message = request(many.slice(0, 4));
    for (let at = 0; at < message.length; at += 1)
      for (const change of [0x01, 0x80]) {
        const other = Buffer.from(message);
        other[at] = other[at]! ^ change;
        const [warm, fresh] = readBoth([message, message], other);
        expect(warm, `byte ${at}`).toEqual(fresh);
      }
  });

  it.each([
    ["backwards", many.toReversed()],
    ["from the middle on", [...many.slice(17), ...many.slice(0, 17)]],
    ["with some missing", many.filter((index) => index % 7 !== 3)],
    [
      "with new ones between them",
      many.flatMap((index) => (index % 5 === 0 ? [index, index + 500] : [index])),
    ],
    ["each twice", many.flatMap((index) => [index, index])],
    ["all twice", [...many, ...many]],
  ])("are the same when they come %s", (_, order) => {
    const [warm, fresh] = readBoth([request(many), request(many)], request(order, 5));
    expect(warm).toEqual(fresh);
    expect(warm).toHaveLength(order.length);
  });

  it("are the same when several senders take turns, each with an order of its own", () => {
    const { read, names } = open();
    const senders = [
      many.slice(0, 20),
      many.slice(20).toReversed(),
      many.filter((one) => one % 2 === 0),
    ];
    for (let round = 0; round < 5; round += 1)
      for (const own of senders) {
        const message = request(own, round, start + round * 1000);
        expect(read(message)).toEqual(open().read(message));
      }
    expect(names).toHaveLength(many.length);
  });

  it("are the same after a sender's restart, when it sends the labels otherwise", () => {
    const renamed = Buffer.concat(
      many.map((index) => encodeSeries(labelsOf(index, "node-2:9100"), index, start)),
    );
    const [warm, fresh] = readBoth([request(many), renamed, request(many)], renamed);
    expect(warm).toEqual(fresh);
  });

  it.each([0, -0, 1, Number.NaN, -1e300])("keep the value %d after any other", (value) => {
    const message = Buffer.concat(many.map((index) => encodeSeries(labelsOf(index), value, start)));
    for (const before of [0, 7]) {
      const former = Buffer.concat(
        many.map((index) => encodeSeries(labelsOf(index), before, start)),
      );
      const [warm, fresh] = readBoth([former, former], message);
      expect(warm).toEqual(fresh);
    }
  });

  it.each([
    0,
    127,
    128,
    2 ** 31,
    2 ** 32,
    2 ** 35 - 1,
    2 ** 35,
    start - 60_000,
    2 ** 42 - 1,
    2 ** 42,
    2 ** 52,
  ])("keep the time %d after any other", (time) => {
    const [warm, fresh] = readBoth([request(many), request(many)], request(many, 1, time));
    expect(warm).toEqual(fresh);
    expect(String(warm)).toContain(` ${time} `);
  });

  it("may have several samples, none, or labels behind them, which are refused", () => {
    const labels = labelsOf(1);
    const sample = Buffer.from([0x12, 9, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    const former = [request([0, 1, 2]), request([0, 1, 2])];
    for (const parts of [
      [labels],
      [labels, sample],
      [labels, sample, sample],
      [labels, sample, labels],
    ]) {
      const message = Buffer.concat([
        request([0]),
        field(0x0a, Buffer.concat(parts)),
        request([2]),
      ]);
      const [warm, fresh] = readBoth(former, message);
      expect(warm).toEqual(fresh);
    }
  });

  it("are read as they are when a request is cut off anywhere", () => {
    const message = request(many.slice(0, 5));
    for (let length = 0; length < message.length; length += 1) {
      const [warm, fresh] = readBoth([message, message], message.subarray(0, length));
      expect(warm, `${length} bytes`).toEqual(fresh);
    }
  });

  it("are more than a batch had room for so far", () => {
    const crowd = Array.from({ length: 5000 }, (_, index) => index);
    const { read } = open();
    read(request(crowd.slice(0, 100)));
    expect(read(request(crowd))).toHaveLength(5000);
    expect(read(request(crowd, 2))).toEqual(open().read(request(crowd, 2)));
  });

  it("are the same however requests are mixed and spoiled", () => {
    const part = record({
      from: nat(39),
      count: nat(12),
      time: constantFrom(start, start - 5000, 12, 2 ** 41),
      value: constantFrom(0, 1, -2.5),
    });
    const parts = array(part, { maxLength: 4 });
    const message = (
      list: readonly { from: number; count: number; time: number; value: number }[],
    ) =>
      Buffer.concat(
        list.flatMap(({ from, count, time, value }) =>
          many.slice(from, from + count).map((index) => encodeSeries(labelsOf(index), value, time)),
        ),
      );
    assert(
      property(array(parts, { maxLength: 4 }), parts, nat(), nat(255), (before, last, at, byte) => {
        const whole = message(last);
        const spoiled = Buffer.from(whole);
        if (spoiled.length > 0) spoiled[at % spoiled.length] = byte;
        for (const one of [whole, spoiled]) {
          const [warm, fresh] = readBoth(before.map(message), one);
          expect(warm).toEqual(fresh);
        }
      }),
      { numRuns: 300 },
    );
  });
});
