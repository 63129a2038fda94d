import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  lengthOfMessage,
  readMessage,
  writeMessage,
  type BusMessage,
} from "../../../agent/dbus/message.ts";
import { parseSignature } from "../../../agent/dbus/signature.ts";

const limit = 1024 * 1024;
const call: BusMessage = {
  type: "call",
  serial: 7,
  path: "/org/example",
  interface: "org.example.Things",
  member: "Do",
  destination: "org.example",
  signature: "ya(so)a{sv}(xt)bdng",
  body: [
    200,
    [
      ["one", "/a"],
      ["zwei €", "/b/c"],
    ],
    [
      ["number", { signature: "u", value: 4_000_000_000 }],
      ["list", { signature: "as", value: ["x", ""] }],
    ],
    [-5, 12_345_678_901],
    true,
    0.25,
    65_535 - 65_536,
    "a{sv}",
  ],
};

test("what is written is read again, texts, numbers, arrays, structs, dictionaries and variants", () => {
  const bytes = writeMessage(call);
  expect(lengthOfMessage(bytes, limit)).toBe(bytes.length);
  expect(readMessage(bytes)).toEqual(call);
});

test("reads a big-endian message byte for byte as the specification lays it out", () => {
  const bytes = Buffer.from(
    // B, return, no flags, version 1, 8 bytes of body, serial 9, 15 bytes of fields
    "4202000100000008000000090000000f" +
      // field 5, "u", padding, 7; field 8, "g", "s", at a multiple of 8
      "05017500000000070801670001730000" +
      // "abc"
      "0000000361626300",
    "hex",
  );
  expect(lengthOfMessage(bytes, limit)).toBe(bytes.length);
  expect(readMessage(bytes)).toEqual({
    type: "return",
    serial: 9,
    replySerial: 7,
    signature: "s",
    body: ["abc"],
  });
});

test("a message that is cut short anywhere is refused, never read beyond its end", () => {
  const bytes = writeMessage(call);
  for (let length = 16; length < bytes.length; length += 1)
    expect(() => readMessage(Buffer.from(bytes.subarray(0, length)))).toThrow(
      /not a D-Bus message|signature/,
    );
});

test("whatever the bytes are, a message is read or refused with one sentence", () => {
  const good = writeMessage(call);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          lengthOfMessage(bytes, limit);
          readMessage(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "MESSAGE_MALFORMED" });
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("lengths beyond the bound are refused before anything waits for them", () => {
  const bytes = writeMessage(call);
  bytes.writeUInt32LE(0xffffffff, 4);
  expect(() => lengthOfMessage(bytes, limit)).toThrow(`it has more than ${limit} bytes`);
  expect(() => lengthOfMessage(Buffer.from("HTTP/1.1 400 Bad Request"), limit)).toThrow(
    "it begins with another protocol",
  );
});

test.each([
  "(",
  "a",
  "()",
  "a{s}",
  "a{vs}",
  "a{(s)v}",
  "z",
  "(s",
  "a".repeat(100) + "s",
  "s".repeat(256),
])("%s is no signature", (text) => {
  expect(() => parseSignature(text)).toThrow("is not a signature of D-Bus types");
});

test("variants within variants end somewhere", () => {
  let variant: { signature: string; value: unknown } = { signature: "y", value: 1 };
  for (let depth = 0; depth < 100; depth += 1) variant = { signature: "v", value: variant };
  const bytes = writeMessage({ ...call, signature: "v", body: [variant] });
  expect(() => readMessage(bytes)).toThrow("its values are nested too deeply");
});
