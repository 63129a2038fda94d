/**
 * Messages of D-Bus as bytes, by the D-Bus Specification's "Message Protocol":
 *
 *     endianness type flags version body-length serial fields[(y v)…] padding to 8 body
 */
import { WarpwatchError } from "../../core/kit/errors.ts";
import {
  alignTo,
  createWriter,
  readValues,
  writeBytes,
  writeValues,
  type BusVariant,
} from "./values.ts";

export type BusMessageType = "call" | "return" | "error" | "signal";

export interface BusMessage {
  readonly type: BusMessageType;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  /** Of a return or an error: the call that it answers. */
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  /** Of the body. */
  readonly signature: string;
  readonly body: readonly unknown[];
}

const types: readonly BusMessageType[] = ["call", "return", "error", "signal"];
const littleEndianMark = 0x6c;
const bigEndianMark = 0x42;
const protocolVersion = 1;
/** Up to the length of the fields. */
const fixedBytes = 16;
const fieldNames = [
  "path",
  "interface",
  "member",
  "errorName",
  "replySerial",
  "destination",
  "sender",
  "signature",
] as const;
const fieldSignatures = ["o", "s", "s", "s", "u", "s", "s", "g"];

/** How many bytes the message takes that begins here, as far as its first bytes tell. Throws MESSAGE_MALFORMED. */
export function lengthOfMessage(bytes: Buffer, maximumBytes: number): number {
  if (bytes.length < fixedBytes) return fixedBytes;
  const [mark, , , version] = bytes;
  if ((mark !== littleEndianMark && mark !== bigEndianMark) || version !== protocolVersion)
    throw malformed("it begins with another protocol");
  const length = bodyOffset(bytes) + unsignedAt(bytes, 4);
  if (length > maximumBytes) throw malformed(`it has more than ${maximumBytes} bytes`);
  return length;
}

/** Of so many bytes as {@link lengthOfMessage} says. Throws MESSAGE_MALFORMED. */
export function readMessage(bytes: Buffer): BusMessage {
  const [mark, typeNumber = 0] = bytes;
  const littleEndian = mark === littleEndianMark;
  const fieldsEnd = fixedBytes + unsignedAt(bytes, 12);
  const readFrom = (offset: number, end: number, signature: string): unknown[] => {
    if (end > bytes.length) throw malformed("it ends within its parts");
    const reader = { bytes, littleEndian, offset, end };
    const values = readValues(reader, signature);
    if (reader.offset !== end) throw malformed("something follows its values");
    return values;
  };
  const [fields] = readFrom(12, fieldsEnd, "a(yv)") as [[number, BusVariant][]];
  const named = namedFields(fields);
  const { signature = "" } = named;
  const type = types[typeNumber - 1];
  // What is of a type yet to be invented is to be passed over; a signal is.
  return {
    ...named,
    type: type ?? "signal",
    serial: unsignedAt(bytes, 8),
    signature,
    body: readFrom(bodyOffset(bytes), bytes.length, signature),
  };
}

export function writeMessage(message: BusMessage): Buffer {
  const body = createWriter();
  writeValues(body, message.signature, message.body);
  const fields = fieldNames.flatMap((name, index): [number, BusVariant][] => {
    const value = message[name];
    return value === undefined || value === ""
      ? []
      : [[index + 1, { signature: fieldSignatures[index] ?? "", value }]];
  });
  const writer = createWriter();
  writeValues(writer, "yyyyuua(yv)", [
    littleEndianMark,
    types.indexOf(message.type) + 1,
    0,
    protocolVersion,
    body.length,
    message.serial,
    fields,
  ]);
  alignTo(writer, 8);
  writeBytes(writer, body.bytes.subarray(0, body.length));
  return writer.bytes.subarray(0, writer.length);
}

function bodyOffset(bytes: Buffer): number {
  return Math.ceil((fixedBytes + unsignedAt(bytes, 12)) / 8) * 8;
}

function unsignedAt(bytes: Buffer, offset: number): number {
  return bytes[0] === littleEndianMark ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}

type Fields = Omit<BusMessage, "type" | "serial" | "signature" | "body"> & { signature?: string };

/** A field of another type than the specification's, or one that it doesn't know, is passed over. */
function namedFields(fields: readonly [number, BusVariant][]): Fields {
  return Object.fromEntries(
    fields.flatMap(([number, { signature, value }]) => {
      const name = fieldNames[number - 1];
      return name !== undefined && fieldSignatures[number - 1] === signature ? [[name, value]] : [];
    }),
  );
}

function malformed(reason: string): WarpwatchError {
  return new WarpwatchError("MESSAGE_MALFORMED", `not a D-Bus message: ${reason}`);
}
