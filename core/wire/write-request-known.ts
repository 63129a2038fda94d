/**
 * Remote-write 1.0's fast path: series whose labels are, byte by byte, those that followed the last time, with one sample
 * of our time each. So nearly all of what a Prometheus sends is read; what isn't like that is left to the reader.
 */
import { isSame, type ByteKeys } from "./byte-keys.ts";
import type { BatchBuilder } from "./write-request.ts";

const timeSeriesTag = 0x0a;
const sampleTag = 0x12;
const valueTag = 0x09;
const timestampTag = 0x10;
/** A sample's tag and length, its value, and a time of six bytes, which Unix milliseconds take from 1971 to 2109. */
const sampleBytes = 18;
/** A value of 0 isn't written. */
const zeroSampleBytes = 9;
/** Which bits tell that a number of six bytes goes on, and ends. */
const goesOn = 0x8080_8080 | 0;
const ends = 0x8080;
const endsHere = 0x0080;

/** Adds to the batch's columns as far as they go; returns where the first series begins that isn't like that. */
export function readKnownSeries(
  message: Buffer,
  from: number,
  keys: ByteKeys,
  numbers: Int32Array,
  batch: BatchBuilder["batch"],
): number {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const end = message.length;
  const { view: known, starts, followers, size, next } = keys.order();
  const { series, times, words } = batch;
  let { length } = batch;
  let last = -1;
  let at = from;
  for (let key = next; key < size && length < series.length; key = followers[key]!) {
    // A tag and a length of one byte or two.
    if (at + 3 > end || message[at] !== timeSeriesTag) break;
    const high = message[at + 1]! < 128 ? 0 : message[at + 2]!;
    if (high >= 128) break;
    const start = at + (message[at + 1]! < 128 ? 2 : 3);
    const stop = start + ((message[at + 1]! & 127) | (high << 7));
    const origin = starts[key]!;
    const sample = start + starts[key + 1]! - origin;
    const isZero = stop - sample === zeroSampleBytes;
    if (stop > end || (stop - sample !== sampleBytes && !isZero)) break;
    if (!isSame(known, origin, view, start, sample - start)) break;
    if (message[sample] !== sampleTag || message[sample + 1] !== stop - sample - 2) break;
    if (!isZero && message[sample + 2] !== valueTag) break;
    const first = view.getInt32(stop - 6, true);
    const rest = view.getUint16(stop - 2, true);
    if (message[stop - 7] !== timestampTag || (first & goesOn) !== goesOn) break;
    if ((rest & ends) !== endsHere) break;
    series[length] = numbers[key]!;
    times[length] = readSixBytes(first, rest);
    words[length * 2] = isZero ? 0 : view.getInt32(sample + 3, true);
    words[length * 2 + 1] = isZero ? 0 : view.getInt32(sample + 7, true);
    length += 1;
    last = key;
    at = stop;
  }
  batch.length = length;
  if (last >= 0) keys.arrivedAt(last);
  return at;
}

function readSixBytes(first: number, rest: number): number {
  const low =
    (first & 0x7f) |
    ((first >> 1) & 0x3f80) |
    ((first >> 2) & 0x1f_c000) |
    ((first >> 3) & 0xfe0_0000);
  return ((rest & 0x7f) | ((rest >> 1) & 0x3f80)) * 0x1000_0000 + low;
}
