/**
 * chronyd's monitoring protocol, version 6: requests to and replies from UDP port 323, all numbers in network order.
 *
 * request: version, type 1, 2 reserved | command:16, attempt:16 | sequence:32 | 8 of padding | body, padded with zeros
 * reply:   version, type 2, 2 reserved | command:16, kind:16 | status:16, 6 of padding | sequence:32 | 8 of padding | body
 *
 * A request has to be at least as long as its reply, lest a forged one make chronyd flood somebody.
 */
import { WarpwatchError } from "../../../core/kit/errors.ts";

export const trackingCommand = 33;
export const sourceCountCommand = 14;

export interface Tracking {
  readonly referenceId: number;
  /** Empty where the reference has none. */
  readonly address: string;
  readonly stratum: number;
  readonly leap: number;
  /** Unix seconds. */
  readonly referenceTime: number;
  readonly currentCorrection: number;
  readonly lastOffset: number;
  readonly rmsOffset: number;
  readonly frequencyMillionths: number;
  readonly residualFrequencyMillionths: number;
  readonly skewMillionths: number;
  readonly rootDelay: number;
  readonly rootDispersion: number;
  readonly updateInterval: number;
}

const version = 6;
const requestType = 1;
const replyType = 2;
/** The longest reply that there is. */
const requestBytes = 416;
const headerBytes = 28;
const trackingBytes = 76;
/** What the reply to a command is called and how long its body is. */
const replies: Readonly<Record<number, { readonly kind: number; readonly bytes: number }>> = {
  [trackingCommand]: { kind: 5, bytes: trackingBytes },
  [sourceCountCommand]: { kind: 2, bytes: 4 },
};

export function makeRequest(command: number, sequence: number): Buffer {
  const packet = Buffer.alloc(requestBytes);
  packet[0] = version;
  packet[1] = requestType;
  packet.writeUInt16BE(command, 4);
  packet.writeUInt32BE(sequence, 8);
  return packet;
}

/** The body of a reply, or null where it answers another request. Throws SOURCE_MALFORMED when it isn't what the protocol says. */
export function bodyOf(packet: Buffer, command: number, sequence: number): Buffer | null {
  if (packet.length < headerBytes) throw malformed(`a reply of ${packet.length} bytes`);
  const [spoken, type] = packet;
  if (spoken !== version) throw malformed(`a reply of protocol version ${spoken}`);
  if (type !== replyType) throw malformed(`a packet of type ${type}`);
  if (packet.readUInt16BE(4) !== command || packet.readUInt32BE(16) !== sequence) return null;
  const status = packet.readUInt16BE(8);
  if (status !== 0) throw malformed(`status ${status} to command ${command}`);
  const kind = packet.readUInt16BE(6);
  const expected = replies[command];
  if (kind !== expected?.kind) throw malformed(`a reply of kind ${kind} to command ${command}`);
  const body = packet.subarray(headerBytes);
  if (body.length < expected.bytes)
    throw malformed(`${body.length} bytes in reply to command ${command}`);
  return body;
}

export function decodeTracking(body: Buffer): Tracking {
  const float = (position: number): number => decodeFloat(body.readUInt32BE(40 + 4 * position));
  const seconds = body.readInt32BE(28) * 2 ** 32 + body.readUInt32BE(32);
  return {
    referenceId: body.readUInt32BE(0),
    address: decodeAddress(body.subarray(4, 24)),
    stratum: body.readUInt16BE(24),
    leap: body.readUInt16BE(26),
    referenceTime: seconds + body.readUInt32BE(36) / 1e9,
    currentCorrection: float(0),
    lastOffset: float(1),
    rmsOffset: float(2),
    frequencyMillionths: float(3),
    residualFrequencyMillionths: float(4),
    skewMillionths: float(5),
    rootDelay: float(6),
    rootDispersion: float(7),
    updateInterval: float(8),
  };
}

/** A signed exponent of 7 bits over a signed coefficient of 25. */
export function decodeFloat(bits: number): number {
  const exponent = bits >> 25;
  const coefficient = (bits << 7) >> 7;
  return coefficient * 2 ** (exponent - 25);
}

/** 16 bytes of address, then the family: 1 is IPv4, 2 is IPv6, anything else is none. */
function decodeAddress(field: Buffer): string {
  switch (field.readUInt16BE(16)) {
    case 1:
      return field.subarray(0, 4).join(".");
    case 2: {
      const groups = Array.from({ length: 8 }, (_, index) => field.readUInt16BE(2 * index));
      return new URL(
        `http://[${groups.map((group) => group.toString(16)).join(":")}]`,
      ).hostname.replaceAll(/[[\]]/g, "");
    }
    default:
      return "";
  }
}

function malformed(what: string): WarpwatchError {
  return new WarpwatchError("SOURCE_MALFORMED", `chronyd gave ${what}`);
}
