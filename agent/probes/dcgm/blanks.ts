/** The values by which DCGM says that it has none: blank, not found, not supported, no permission. */
import { layouts } from "./layouts.ts";

/** Numbers from here on are blanks, as dcgm_fields.h has them; the low word of the integers' lower bound is at the far end. */
const firstBlankNumber = 2 ** 47;
const blankIntegerHigh = 0x7fffffff;
const firstBlankIntegerLow = 0xfffffff0;
const ok = 0;
/** `DCGM_FT_*`: the letters of double, int64, string and a time in microseconds. */
const types = { double: 0x64, integer: 0x69, text: 0x73, time: 0x74 } as const;
const longestText = 256;

const { status, fieldType, value } = layouts.fieldValue.at;

/** NaN where the record holds no number. */
export function numberIn(records: Buffer, start: number): number {
  if (records.readInt32LE(start + status) !== ok) return Number.NaN;
  const type = records.readUInt16LE(start + fieldType);
  if (type === types.double) {
    const number = records.readDoubleLE(start + value);
    return number >= firstBlankNumber || !Number.isFinite(number) ? Number.NaN : number;
  }
  if (type !== types.integer && type !== types.time) return Number.NaN;
  const low = records.readUInt32LE(start + value);
  const high = records.readInt32LE(start + value + 4);
  if (high === blankIntegerHigh && low >= firstBlankIntegerLow) return Number.NaN;
  return high * 2 ** 32 + low;
}

/** A text, or a number as text; empty where the record holds neither. */
export function textIn(records: Buffer, start: number): string {
  if (records.readUInt16LE(start + fieldType) !== types.text) {
    const number = numberIn(records, start);
    return Number.isNaN(number) ? "" : String(number);
  }
  if (records.readInt32LE(start + status) !== ok) return "";
  const bytes = records.subarray(start + value, start + value + longestText);
  const end = bytes.indexOf(0);
  const text = bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
  return text.startsWith("<<<") && text.includes(">>>") ? "" : text;
}
