/** Cuts a remote-write 1.0 request in two, so that what a store refuses can be narrowed down (protobuf.dev: fields of a message are read alone). */
import { fieldEnd, readWireVarint, type WireCursor } from "./wire-cursor.ts";

/** The halves hold every series of the message once; null when it has only one. */
export function splitWriteRequest(message: Buffer): readonly [Buffer, Buffer] | null {
  const cursor: WireCursor = { at: 0, source: message };
  const starts: number[] = [];
  while (cursor.at < message.length) {
    starts.push(cursor.at);
    readWireVarint(cursor, message.length);
    cursor.at = fieldEnd(cursor, message.length);
  }
  const middle = starts[starts.length >> 1];
  if (starts.length < 2 || middle === undefined) return null;
  return [message.subarray(0, middle), message.subarray(middle)];
}
