/** Learns once which number of which line belongs in which slot, and afterwards only checks that every key is still where it was. */
import { nextLine, scanSigned, scanUnsigned, type Cursor } from "./scan.ts";

/** What to do with one line of the file. */
interface LinePlan {
  /** How many bytes at the start of the line name it; the numbers follow. */
  readonly keyBytes: number;
  /** For each number after the key its slot, or -1 to pass over it. */
  readonly slots: readonly number[];
  /** For each number what it is multiplied by and then divided by; 1 and 1 where nothing is said. */
  readonly multipliers?: readonly number[];
  readonly divisor?: number;
  /** Numbers may have a minus; else one that has is malformed. */
  readonly signed?: boolean;
}

/** Decides about a line, given as latin1 so that a character is a byte; null for a line that isn't understood. */
export type LinePlanner = (line: string, index: number) => LinePlan | null;

export interface LineTable {
  learn(bytes: Buffer, length: number, plan: LinePlanner): void;
  /** Writes the numbers into their slots; a number that is malformed is left out. False when a line isn't the one learned. */
  follow(bytes: Buffer, length: number, column: Float64Array): boolean;
}

export function createLineTable(): LineTable {
  let keys = new Uint8Array(0);
  let keyEnds = new Int32Array(0);
  let slotEnds = new Int32Array(0);
  let slots = new Int32Array(0);
  let multipliers = new Float64Array(0);
  let divisors = new Float64Array(0);
  let signs: readonly boolean[] = [];
  const cursor: Cursor = { bytes: keys, position: 0, end: 0 };

  return {
    learn(bytes, length, plan) {
      const keyParts: Buffer[] = [];
      const allKeyEnds: number[] = [];
      const allSlotEnds: number[] = [];
      const allSlots: number[] = [];
      const allMultipliers: number[] = [];
      const allDivisors: number[] = [];
      const allSigns: boolean[] = [];
      let keyLength = 0;
      for (let start = 0, index = 0; start < length; index += 1) {
        const next = nextLine(bytes, start, length);
        const text = bytes.toString("latin1", start, next).replace(/\r?\n$/, "");
        const made = plan(text, index);
        const key = bytes.subarray(start, start + (made?.keyBytes ?? firstWordBytes(text)));
        keyParts.push(Buffer.from(key));
        keyLength += key.length;
        allKeyEnds.push(keyLength);
        made?.slots.forEach((slot, field) => {
          allSlots.push(slot);
          allMultipliers.push(made.multipliers?.[field] ?? 1);
          allDivisors.push(made.divisor ?? 1);
        });
        allSlotEnds.push(allSlots.length);
        allSigns.push(made?.signed === true);
        start = next;
      }
      keys = new Uint8Array(Buffer.concat(keyParts));
      keyEnds = Int32Array.from(allKeyEnds);
      slotEnds = Int32Array.from(allSlotEnds);
      slots = Int32Array.from(allSlots);
      multipliers = Float64Array.from(allMultipliers);
      divisors = Float64Array.from(allDivisors);
      signs = allSigns;
    },
    follow(bytes, length, column) {
      cursor.bytes = bytes;
      cursor.end = length;
      let position = 0;
      let keyAt = 0;
      let field = 0;
      for (let line = 0; line < keyEnds.length; line += 1) {
        const keyEnd = keyEnds[line] ?? 0;
        if (position + (keyEnd - keyAt) > length || position === length) return false;
        while (keyAt < keyEnd) if (bytes[position++] !== keys[keyAt++]) return false;
        cursor.position = position;
        const mayBeNegative = signs[line] === true;
        for (const fieldEnd = slotEnds[line] ?? 0; field < fieldEnd; field += 1) {
          const value = mayBeNegative ? scanSigned(cursor) : scanUnsigned(cursor);
          const slot = slots[field] ?? -1;
          if (slot >= 0 && !Number.isNaN(value))
            column[slot] = (value * (multipliers[field] ?? 1)) / (divisors[field] ?? 1);
        }
        position = nextLine(bytes, cursor.position, length);
      }
      return position === length;
    },
  };
}

/** What tells a line that isn't understood from one in its place that would be; a number there may be another each time. */
function firstWordBytes(line: string): number {
  return /^[ \t]*[^\s\d]\S*/.exec(line)?.[0].length ?? 0;
}

/** The label value that latin1 text of a kernel file stands for: file and device names are UTF-8 where they are text at all. */
export function decodeName(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}
