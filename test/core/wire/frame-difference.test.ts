import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openMetric } from "../../../core/catalog/metric.ts";
import { createFrameDecoder, createFrameEncoder } from "../../../core/wire/frame-codec.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import { fillFrame, schemaOf } from "./frames.ts";

const plain = openMetric("plain", "gauge", "x", ["n"]);
const sample = fc.option(
  fc.oneof(
    fc.double(),
    fc.integer({ min: -100, max: 100 }),
    fc.maxSafeInteger(),
    fc.integer().map((whole) => whole / 1000),
  ),
);
const runs = fc
  .integer({ min: 1, max: 20 })
  .chain((length) =>
    fc.array(fc.array(sample, { minLength: length, maxLength: length }), { maxLength: 8 }),
  );

function plainSchema(length: number): Schema {
  return schemaOf(
    Array.from({ length }, (_, n) => ({ metric: plain, values: [String(n)], value: 0 })),
  );
}

test("writes the same of a frame that says what changed and of one where it is found", () => {
  fc.assert(
    fc.property(runs, (rows) => {
      const schema = plainSchema(rows[0]?.length ?? 1);
      const sender = createFrameEncoder();
      const [told, finds] = [createFrameEncoder(), createFrameEncoder()];
      const decoder = createFrameDecoder();
      let differences = 0;
      rows.forEach((row, index) => {
        const sent = sender.encode(fillFrame(schema, row, index + 1));
        decoder.decode(sent, ({ difference, ...frame }) => {
          if (difference) differences += 1;
          const expected = Buffer.from(finds.encode(frame));
          expect(told.encode(difference ? { ...frame, difference } : frame)).toEqual(expected);
        });
      });
      expect(differences).toBe(Math.max(0, rows.length - 1));
    }),
    { numRuns: 300 },
  );
});

test("looks for itself where a frame says what changed since another than the one before", () => {
  const schema = plainSchema(2);
  const encoder = createFrameEncoder();
  const decoder = createFrameDecoder();
  const read: number[][] = [];
  for (const value of [1, 2, 3]) {
    const difference = { since: value - 2, slots: new Uint8Array(1) };
    const bytes = encoder.encode({ ...fillFrame(schema, [value, value], value), difference });
    decoder.decode(bytes, ({ values }) => read.push([...values]));
  }
  expect(read).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});
