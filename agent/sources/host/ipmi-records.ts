/**
 * Sensor data records of IPMI 2.0, chapter 43: full ones (type 1) and compact ones (type 2), and the conversion of a
 * reading into its unit, chapter 36.3. Positions count from the record's beginning, its 5 bytes of header included.
 */
import { singleLine } from "../../../core/kit/errors.ts";

export interface Sensor {
  /** The BMC's own: those of other controllers are behind buses. */
  readonly isOwn: boolean;
  readonly number: number;
  /** Which of the controller's units has it. */
  readonly lun: number;
  readonly name: string;
  /** `power_supply_1` */
  readonly part: string;
  readonly type: number;
  /** 1 where it is compared with thresholds; 0x6f where its states are those of its type. */
  readonly readingType: number;
  /** Base unit by the specification's number; 0 where it has none. */
  readonly unit: number;
  readonly isPercentage: boolean;
  /** Null where it has states and no number. */
  readonly convert: ((raw: number) => number) | null;
}

export const recordHeaderBytes = 5;

const ownAddress = 0x20;
const fullRecord = 1;
const compactRecord = 2;
/** Of each kind: where the name begins, and from how many bytes on the rest can be read. */
const nameAt: Readonly<Record<number, number>> = { [fullRecord]: 47, [compactRecord]: 31 };
const maximumShared = 15;

const entities: Readonly<Record<number, string>> = {
  3: "processor",
  4: "disk",
  5: "peripheral_bay",
  6: "management_module",
  7: "system_board",
  8: "memory_module",
  9: "processor_module",
  10: "power_supply",
  11: "add_in_card",
  12: "front_panel",
  15: "drive_backplane",
  19: "power_unit",
  20: "power_module",
  21: "power_board",
  23: "chassis",
  26: "disk_bay",
  29: "fan",
  30: "cooling_unit",
  32: "memory_device",
  55: "air_inlet",
  64: "air_inlet",
  65: "processor",
  66: "system_board",
};

/** Sensors that a record describes: several where one record is shared. None for other kinds and broken ones. */
export function decodeRecord(record: Uint8Array): Sensor[] {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const type = record[3] ?? 0;
  const name = nameAt[type];
  if (name === undefined || record.length <= name) return [];
  const byte = (position: number): number => view.getUint8(position);
  const unitBits = byte(20);
  const sensor: Sensor = {
    isOwn: byte(5) === ownAddress,
    number: byte(7),
    lun: byte(6) & 0b11,
    name: decodeName(record.subarray(name)) || `sensor ${byte(7)}`,
    part: partName(byte(8), byte(9) & 0x7f),
    type: byte(12),
    readingType: byte(13),
    unit: byte(21),
    isPercentage: (unitBits & 1) === 1,
    convert: type === fullRecord ? makeConversion(view) : null,
  };
  return type === fullRecord
    ? [sensor]
    : shared(sensor, byte(8), byte(9) & 0x7f, byte(23), byte(24));
}

/** A compact record may stand for several sensors with consecutive numbers; their names differ by what is appended. */
function shared(
  first: Sensor,
  entity: number,
  instance: number,
  countByte: number,
  offsetByte: number,
): Sensor[] {
  const count = Math.min(Math.max(countByte & 0x0f, 1), maximumShared);
  if (count === 1) return [first];
  const isAlphabetic = ((countByte >> 4) & 0b11) === 1;
  const ownInstances = (offsetByte & 0x80) !== 0;
  return Array.from({ length: count }, (_, index) => {
    const step = (offsetByte & 0x7f) + index;
    const suffix = isAlphabetic ? String.fromCodePoint(0x41 + (step % 26)) : String(step);
    return {
      ...first,
      number: (first.number + index) & 0xff,
      name: `${first.name}${suffix}`,
      part: partName(entity, ownInstances ? instance + index : instance),
    };
  });
}

function partName(entity: number, instance: number): string {
  return `${entities[entity] ?? `entity_${entity}`}_${instance}`;
}

/** Null for sensors that give no number, and those whose factors change with the reading. */
function makeConversion(view: DataView): Sensor["convert"] {
  const format = view.getUint8(20) >> 6;
  const linear = linearizations[view.getUint8(23) & 0x7f];
  if (format === 3 || linear === undefined) return null;
  const multiplier = signed(view.getUint8(24) | ((view.getUint8(25) & 0xc0) << 2), 10);
  const offset = signed(view.getUint8(26) | ((view.getUint8(27) & 0xc0) << 2), 10);
  const exponents = view.getUint8(29);
  const offsetExponent = signed(exponents & 0x0f, 4);
  const resultExponent = signed(exponents >> 4, 4);
  return (raw) =>
    linear(
      scale(multiplier * fromFormat(raw, format) + scale(offset, offsetExponent), resultExponent),
    );
}

/** By division where the exponent is negative: 11 × 10^-1 is 1.1 and not 1.1000000000000001. */
function scale(value: number, exponent: number): number {
  return exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent;
}

/** By the number that the record has for them. */
const linearizations: readonly ((x: number) => number)[] = [
  (x) => x,
  Math.log,
  Math.log10,
  Math.log2,
  Math.exp,
  (x) => 10 ** x,
  (x) => 2 ** x,
  (x) => 1 / x,
  (x) => x ** 2,
  (x) => x ** 3,
  Math.sqrt,
  (x) => 1 / Math.cbrt(x),
];

/** 0 is unsigned, 1 one's complement, 2 two's complement. */
function fromFormat(raw: number, format: number): number {
  if (format === 0 || raw < 0x80) return raw;
  return format === 1 ? raw - 0xff : raw - 0x100;
}

function signed(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/** A byte of kind and length, then the text: 8-bit, packed into 6 bits, or digits. */
function decodeName(field: Uint8Array): string {
  const [head = 0] = field;
  const bytes = field.subarray(1, 1 + (head & 0x1f));
  switch (head >> 6) {
    case 1:
      return Array.from(bytes, (byte) => `${digits[byte >> 4]}${digits[byte & 0x0f]}`)
        .join("")
        .trim();
    case 2:
      return unpack(bytes).trim();
    default:
      return singleLine(Buffer.from(bytes).toString("latin1"));
  }
}

const digits = "0123456789 -.:,_";

/** Three bytes hold four characters from the space on, the lowest bits first. */
function unpack(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits |= byte << held;
    held += 8;
    while (held >= 6) {
      text += String.fromCodePoint(0x20 + (bits & 0x3f));
      bits >>= 6;
      held -= 6;
    }
  }
  return text;
}
