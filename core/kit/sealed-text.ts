/** Text with its checksum at the end (CRC-32, zlib), so that a bit that flips on disk is found before it is believed. */
import { crc32 } from "node:zlib";

const mark = "\n#";
const digits = 8;

export function sealText(text: string): string {
  return `${text}${mark}${crc32(text).toString(16).padStart(digits, "0")}`;
}

/** Null when the text isn't what was sealed. One that never was, from an older release, is taken as it is. */
export function unsealText(sealed: string): string | null {
  const end = sealed.length - digits - mark.length;
  if (end < 0 || !sealed.startsWith(mark, end)) return sealed.includes(mark) ? null : sealed;
  const text = sealed.slice(0, end);
  return sealText(text) === sealed ? text : null;
}
