import { assert, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import {
  bodyOf,
  decodeFloat,
  decodeTracking,
} from "../../../../agent/sources/host/chrony-protocol.ts";

test("reads a float of a signed exponent and a signed coefficient", () => {
  expect(decodeFloat(0)).toBe(0);
  // 2^24 - 1 is the largest coefficient; the exponent counts from 25 bits before the point.
  expect(decodeFloat(((25 << 25) | 0x00ff_ffff) >>> 0)).toBe(0xff_ffff);
  expect(decodeFloat(((1 << 25) | 0x0100_0000) >>> 0)).toBe(-1);
  expect(decodeFloat(((0x7f << 25) | 0x0080_0000) >>> 0)).toBe(0.125);
});

test("writes an IPv6 reference as people write it", () => {
  const body = Buffer.alloc(76);
  Buffer.from("20010db8000000000000000000000001", "hex").copy(body, 4);
  body.writeUInt16BE(2, 20);
  expect(decodeTracking(body).address).toBe("2001:db8::1");
});

test("takes a reference time beyond 32 bits", () => {
  const body = Buffer.alloc(76);
  body.writeUInt32BE(1, 28);
  body.writeUInt32BE(2, 32);
  body.writeUInt32BE(500_000_000, 36);
  expect(decodeTracking(body).referenceTime).toBe(2 ** 32 + 2.5);
});

test("says what is wrong with any packet, and crashes on none", () => {
  assert(
    property(uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        const body = bodyOf(Buffer.from(bytes), 33, 1);
        expect(body === null || body.length >= 76).toBe(true);
      } catch (thrown) {
        expect(String(thrown)).toMatch(/chronyd gave /);
      }
    }),
  );
});
