import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createAnswerReader,
  type AnswerReader,
} from "../../../../collector/ingest/scrape/answer.ts";
import { createBodyMemory } from "../../../../collector/ingest/scrape/body-memory.ts";

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";

function createReader(limitBytes = 100_000): AnswerReader {
  const reader = createAnswerReader(createBodyMemory());
  reader.begin(limitBytes);
  return reader;
}

function take(reader: AnswerReader, text: string): boolean {
  return reader.take(Buffer.from(text, "latin1"));
}

function chunked(pieces: readonly string[], extension = "", trailer = ""): string {
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}${extension}\r\n${piece}\r\n`);
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n${trailer}\r\n`;
}

const wholes: [string, string, string][] = [
  ["whose length is told", `${head}Content-Length: 8\r\n\r\na 1\nb 2\n`, "a 1\nb 2\n"],
  ["that is empty", `${head}content-length:0\r\n\r\n`, ""],
  ["in chunks", chunked(["a 1", "\nb", " 2\n"]), "a 1\nb 2\n"],
  ["in chunks with extensions", chunked(["a 1\n"], ';x="y"'), "a 1\n"],
  ["in chunks with a trailer", chunked(["a 1\n"], "", "X: y\r\nZ: w\r\n"), "a 1\n"],
  ["in no chunk", chunked([]), ""],
  [
    "after one that says to wait",
    `HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n${chunked(["a 1\n"])}`,
    "a 1\n",
  ],
];

describe("an answer", () => {
  it.each(wholes)("%s is whole at its last byte and not before", (_what, text, body) => {
    const reader = createReader();
    expect(take(reader, text.slice(0, -1))).toBe(false);
    expect(take(reader, text.slice(-1))).toBe(true);
    expect(reader.body.toString()).toBe(body);
    expect(reader.isReusable).toBe(true);
    expect(reader.head.type).toBe("text/plain");
  });

  it("is the same in whatever pieces it comes", () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.constantFrom(...wholes), pieces, ([, text, body], sizes) => {
        const reader = createReader();
        const bytes = Buffer.from(text, "latin1");
        const lent = Buffer.alloc(64);
        let whole = false;
        for (let at = 0, round = 0; at < bytes.length; round += 1) {
          const size = Math.min(sizes[round % sizes.length] ?? 1, bytes.length - at);
          // A connection's memory is used again for the next piece.
          bytes.copy(lent, 0, at, at + size);
          whole = reader.take(lent.subarray(0, size));
          lent.fill(0x58);
          at += size;
        }
        expect([whole, reader.body.toString(), reader.isReusable]).toEqual([true, body, true]);
      }),
    );
  });

  it("without a length is whole when the connection ends", () => {
    const reader = createReader();
    expect(take(reader, `${head}\r\na 1\n`)).toBe(false);
    expect(take(reader, "b 2\n")).toBe(false);
    expect(reader.end()).toBe(true);
    expect(reader.body.toString()).toBe("a 1\nb 2\n");
    expect(reader.isReusable).toBe(false);
  });

  it.each([
    ["its head", head],
    ["a body whose length is told", `${head}content-length: 9\r\n\r\na 1\n`],
    ["a chunk", `${head}transfer-encoding: chunked\r\n\r\n9\r\na 1\n`],
    ["its trailer", `${head}transfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n`],
  ])("that ends in the middle of %s isn't whole", (_what, text) => {
    const reader = createReader();
    expect(take(reader, text)).toBe(false);
    expect(reader.end()).toBe(false);
  });

  it.each([
    ["says it closes", `${head}Connection: Close\r\ncontent-length: 2\r\n\r\na\n`],
    ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\na\n"],
    ["has more behind it", `${head}content-length: 2\r\n\r\na\nHTTP/1.1 200 OK\r\n`],
    ["has two lengths", chunked(["a\n"]).replace("\r\n", "\r\nContent-Length: 2\r\n")],
  ])("that %s leaves a connection that isn't asked again", (_what, text) => {
    const reader = createReader();
    expect(take(reader, text)).toBe(true);
    expect(reader.body.toString()).toBe("a\n");
    expect(reader.isReusable).toBe(false);
  });

  it("of HTTP/1.0 that keeps its connection leaves one that is", () => {
    const reader = createReader();
    take(reader, "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\na\n");
    expect(reader.isReusable).toBe(true);
  });

  it("begins anew with the next", () => {
    const reader = createReader();
    take(reader, chunked(["a 1\n"]));
    reader.begin(100);
    expect(take(reader, `${head}content-encoding: GZIP\r\ncontent-length: 2\r\n\r\nb\n`)).toBe(
      true,
    );
    expect([reader.body.toString(), reader.head.coding]).toEqual(["b\n", "gzip"]);
  });

  it.each([
    ["another protocol", "220 mail ESMTP\r\n", /isn't HTTP: it doesn't begin as one/],
    ["one byte of another", "S", /isn't HTTP/],
    ["HTTP/2", "HTTP/2 200\r\n\r\n", /isn't HTTP/],
    ["a status that isn't one", "HTTP/1.1 20 OK\r\n\r\n", /isn't HTTP/],
    ["a header line without a name", `${head}: x\r\n\r\n`, /header lines has no name/],
    ["a folded header line", `${head}a: b\r\n c: d\r\n\r\n`, /header lines has no name/],
    ["a length that is none", `${head}content-length: -1\r\n\r\n`, /content-length is no number/],
    ["two lengths", `${head}content-length: 1\r\ncontent-length: 2\r\n\r\n`, /is no number/],
    ["another transfer coding", `${head}transfer-encoding: gzip\r\n\r\n`, /transfer coding gzip/],
    ["a chunk without a size", `${head}transfer-encoding: chunked\r\n\r\n\r\n`, /has no size/],
    ["a size that is none", `${head}transfer-encoding: chunked\r\n\r\n1x\r\n`, /size is no number/],
    [
      "a size beyond belief",
      `${head}transfer-encoding: chunked\r\n\r\n${"1".repeat(9)}`,
      /no number/,
    ],
    ["a chunk that goes on", `${head}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n`, /longer than/],
    ["a status", "HTTP/1.1 503 Busy\r\n\r\n", /^answered with status 503$/],
    [
      "a redirect",
      "HTTP/1.1 301 x\r\nLocation: /a\r\n\r\n",
      /redirect \(301\) to \/a, which isn't/,
    ],
  ])("of %s is refused in one sentence", (_what, text, sentence) => {
    expect(() => take(createReader(), text)).toThrow(sentence);
  });

  it.each([
    ["a length", `${head}content-length: 101\r\n\r\n`],
    ["chunks", `${head}transfer-encoding: chunked\r\n\r\nff\r\n${"a".repeat(101)}`],
    ["a body without a length", `${head}\r\n${"a".repeat(101)}`],
  ])("is refused when %s is over the limit", (_what, text) => {
    expect(() => take(createReader(100), text)).toThrow("the answer is over 100 bytes");
  });

  it("is refused when what nobody reads has no end", () => {
    const endless = "x".repeat(40_000);
    const chunks = `${head}transfer-encoding: chunked\r\n\r\n1;`;
    expect(() => take(createReader(), `${head}x: ${endless}`)).toThrow("headers are over 32768");
    expect(() => take(createReader(), `${head}x: ${endless}\r\n\r\n`)).toThrow("headers are over");
    expect(() => take(createReader(), chunks + endless)).toThrow("beside its chunks is over 32768");
    const trailer = `${head}transfer-encoding: chunked\r\n\r\n0\r\n${endless}`;
    expect(() => take(createReader(), trailer)).toThrow("beside its chunks is over 32768");
  });
});

describe("the memory of bodies", () => {
  it("is used again for the next answer, and holds no more than a few", () => {
    const memory = createBodyMemory();
    const first = memory.reserve(Buffer.alloc(0), 0, 10);
    memory.giveBack(first);
    expect(memory.reserve(Buffer.alloc(0), 0, 20)).toBe(first);
    const many = Array.from({ length: 40 }, () => memory.reserve(Buffer.alloc(0), 0, 10));
    for (const one of many) memory.giveBack(one);
    const again = Array.from({ length: 40 }, () => memory.reserve(Buffer.alloc(0), 0, 10));
    expect(again.filter((one) => many.includes(one))).toHaveLength(16);
  });

  it("keeps what a body holds when it grows, and doesn't keep one that grew large", () => {
    const memory = createBodyMemory();
    const small = memory.reserve(Buffer.alloc(0), 0, 3);
    small.write("abc");
    const large = memory.reserve(small, 3, 2_000_000);
    expect(large.toString("latin1", 0, 3)).toBe("abc");
    memory.giveBack(large);
    expect(memory.reserve(Buffer.alloc(0), 0, 10)).toBe(small);
    expect(memory.reserve(Buffer.alloc(0), 0, 10).length).toBeLessThan(2_000_000);
  });
});
