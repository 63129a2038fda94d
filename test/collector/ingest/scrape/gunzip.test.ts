import { deflateRawSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createGunzip,
  unpackAnew,
  type Gunzip,
} from "../../../../collector/ingest/scrape/gunzip.ts";

const limitBytes = 1_000_000;

describe.each<[string, () => Gunzip]>([
  ["unpacking into the same memory", createGunzip],
  ["unpacking by public calls", () => unpackAnew],
])("%s", (_name, create) => {
  it("gives each page as it was, whatever its size and however it was packed", () => {
    const gunzip = create();
    const sizes = fc.oneof(fc.nat(200), fc.nat(900_000));
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 9 }), fc.nat(255), (size, level, seed) => {
        const page = Buffer.from(Array.from({ length: size }, (_, at) => (at * seed) >> (at & 3)));
        expect(gunzip(gzipSync(page, { level }), limitBytes).equals(page)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses a page of more than the limit, and reads the next", () => {
    const gunzip = create();
    const packed = gzipSync(Buffer.alloc(20_000, "a 1\n"));
    expect(() => gunzip(packed, 19_999)).toThrow("the answer unpacks to more than 19999 bytes");
    expect(() => gunzip(gzipSync(Buffer.alloc(90_000_000)), limitBytes)).toThrow(
      "the answer unpacks to more than 1000000 bytes",
    );
    expect(gunzip(packed, 20_000).length).toBe(20_000);
  });

  it("takes a page of several parts for one", () => {
    const packed = Buffer.concat([gzipSync("a 1\n"), gzipSync("b 2\n")]);
    expect(create()(packed, limitBytes).toString()).toBe("a 1\nb 2\n");
  });

  const page = Buffer.from('a{x="1"} 1\n'.repeat(500));
  const packed = gzipSync(page);
  it.each([
    ["is empty", Buffer.alloc(0)],
    ["isn't gzip", Buffer.from("a 1\n")],
    ["is deflate without gzip's head", deflateRawSync(page)],
    ["is cut in its head", packed.subarray(0, 6)],
    ["is cut in the middle", packed.subarray(0, packed.length >> 1)],
    ["lacks its checksum", packed.subarray(0, -8)],
    ["has another checksum", Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)])],
  ])("refuses a page that %s, and reads the next", (_what, bad) => {
    const gunzip = create();
    const sentence = "the answer isn't the gzip it says it is";
    for (let time = 0; time < 3; time += 1) {
      expect(() => gunzip(bad, limitBytes)).toThrow(sentence);
      expect(gunzip(packed, limitBytes).equals(page)).toBe(true);
    }
  });

  it("says the same as zlib of a page with any byte changed", () => {
    const gunzip = create();
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(packed);
        changed[at] = byte;
        expect(outcomeOf(gunzip, changed)).toBe(outcomeOf(unpackAnew, changed));
      }),
      { numRuns: 300 },
    );
  });
});

it("uses its memory again", () => {
  const gunzip = createGunzip();
  const first = gunzip(gzipSync("a 1\n"), limitBytes);
  const second = gunzip(gzipSync("b 2\n"), limitBytes);
  expect(second.buffer).toBe(first.buffer);
  expect(first.toString()).toBe("b 2\n");
});

function outcomeOf(gunzip: Gunzip, packed: Buffer): string {
  try {
    return gunzip(packed, limitBytes).toString("latin1");
  } catch (thrown) {
    return String(thrown);
  }
}
