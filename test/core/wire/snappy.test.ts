import {
  array,
  assert,
  boolean,
  constantFrom,
  nat,
  property,
  record,
  uint8Array,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { createSnappyDecoder, decodeSnappy, encodeSnappy } from "../../../core/wire/snappy.ts";

const limit = 1024 * 1024;

describe("snappy", () => {
  it("unpacks what the format's description spells out byte by byte", () => {
    // A literal of four, then a copy of six with a distance of four that overlaps with itself.
    const oneByteCopy = Buffer.from([10, 3 << 2, ...Buffer.from("abcd"), (2 << 2) | 1, 4]);
    expect(decodeSnappy(oneByteCopy, limit).toString()).toBe("abcdabcdab");
    // A distance of one repeats a byte.
    const twoByteCopy = Buffer.from([9, 0, 0x78, (7 << 2) | 2, 1, 0]);
    expect(decodeSnappy(twoByteCopy, limit).toString()).toBe("xxxxxxxxx");
    const fourByteCopy = Buffer.from([8, 3 << 2, ...Buffer.from("abcd"), (3 << 2) | 3, 4, 0, 0, 0]);
    expect(decodeSnappy(fourByteCopy, limit).toString()).toBe("abcdabcd");
    const longLiteral = Buffer.from([61, 60 << 2, 60, ...Buffer.alloc(61, "y")]);
    expect(decodeSnappy(longLiteral, limit).toString()).toBe("y".repeat(61));
    expect(decodeSnappy(Buffer.of(0), limit)).toHaveLength(0);
  });

  it("gives back whatever it packed", () => {
    const text = array(constantFrom("node_", "cpu", "0", "\u0000", "instance"), {
      maxLength: 3000,
    });
    assert(
      property(uint8Array({ maxLength: 3000 }), text, (bytes, words) => {
        const source = Buffer.concat([bytes, Buffer.from(words.join("")), bytes]);
        expect(decodeSnappy(encodeSnappy(source), limit).equals(source)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("unpacks copies of any length from any distance, byte by byte the same, into used memory as well", () => {
    const decode = createSnappyDecoder(limit);
    const element = record({ distance: nat(70), length: nat(63), far: boolean() });
    assert(
      property(uint8Array({ minLength: 1, maxLength: 90 }), array(element), (literal, copies) => {
        const expected = [...literal];
        const packed = [(literal.length - 1) << 2, ...literal];
        if (literal.length > 60) packed.splice(0, 1, 60 << 2, literal.length - 1);
        for (const { distance, length, far } of copies) {
          const back = (distance % expected.length) + 1;
          packed.push((length << 2) | (far ? 3 : 2), back, 0, ...(far ? [0, 0] : []));
          for (let at = 0; at <= length; at += 1) expected.push(expected.at(-back) ?? 0);
        }
        const size = expected.length;
        const head = size < 128 ? [size] : [(size & 127) | 128, size >> 7];
        const body = Buffer.from([...head, ...packed]);
        expect([...decodeSnappy(body, limit)]).toEqual(expected);
        expect([...decode(body)]).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("packs over block borders, and packs what repeats itself to a fraction", () => {
    const source = Buffer.from(
      Array.from({ length: 20_000 }, (_, at) => `name_${at % 700} `).join(""),
    );
    const packed = encodeSnappy(source);
    expect(packed.length).toBeLessThan(source.length / 8);
    expect(decodeSnappy(packed, limit).equals(source)).toBe(true);
  });

  it("refuses a size over the limit, and one that the body can't hold, before it allocates", () => {
    const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0x61]);
    expect(() => decodeSnappy(huge, limit)).toThrow(/announces 4294967295 bytes, over the limit/);
    const unlikely = Buffer.from([0x80, 0x80, 0x20, 0, 0x61]);
    expect(() => decodeSnappy(unlikely, limit)).toThrow(/and 5 can't hold them/);
  });

  it.each([
    ["nothing at all", []],
    ["a length without an end", [0x80, 0x80]],
    ["a length of six bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ["a literal that ends early", [4, 3 << 2, 0x61]],
    ["a literal's length that ends early", [4, 61 << 2, 0x61]],
    ["a copy that ends early", [8, 3 << 2, 0x61, 0x62, 0x63, 0x64, (3 << 2) | 2, 4]],
    ["a copy from before the beginning", [8, 3 << 2, 0x61, 0x62, 0x63, 0x64, (3 << 2) | 2, 5, 0]],
    ["a copy of distance 0", [8, 3 << 2, 0x61, 0x62, 0x63, 0x64, (3 << 2) | 2, 0, 0]],
    ["more than it announces", [3, 3 << 2, 0x61, 0x62, 0x63, 0x64]],
    ["less than it announces", [5, 3 << 2, 0x61, 0x62, 0x63, 0x64]],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeSnappy(Buffer.from(bytes), limit)).toThrow(/isn't Snappy's block format/);
  });

  it("survives any bytes, and bytes that were packed and spoiled", () => {
    const packed = encodeSnappy(Buffer.from("instance=node-1:9100 job=node ".repeat(50)));
    const isSound = (bytes: Buffer): void => {
      try {
        expect(decodeSnappy(bytes, limit).length).toBeLessThanOrEqual(bytes.length * 22);
      } catch (thrown) {
        expect(String(thrown)).toMatch(/Snappy's block format|over the limit/);
      }
    };
    assert(
      property(uint8Array({ maxLength: 300 }), nat(), nat(255), (bytes, at, byte) => {
        isSound(Buffer.from(bytes));
        const spoiled = Buffer.from(packed);
        spoiled[at % spoiled.length] = byte;
        isSound(spoiled);
        isSound(spoiled.subarray(0, at % spoiled.length));
      }),
      { numRuns: 500 },
    );
  });

  it("unpacks into the same memory when it is told to, shorter after longer", () => {
    const decode = createSnappyDecoder(limit);
    const long = decode(encodeSnappy(Buffer.from("long ".repeat(100))));
    expect(decode(encodeSnappy(Buffer.from("short"))).toString()).toBe("short");
    expect(decode(encodeSnappy(Buffer.from("long ".repeat(90)))).buffer).toBe(long.buffer);
  });
});
