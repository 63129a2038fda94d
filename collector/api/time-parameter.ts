/** A moment in a query: how long ago (`1d`), RFC 3339, or Unix seconds. */
import { parseDuration } from "../../core/kit/duration.ts";

/** Unix milliseconds, or null when it is none of these. */
export function parseMoment(text: string, now: number): number | null {
  if (/^\d{9,11}(\.\d{1,6})?$/.test(text)) return Number(text) * 1000;
  const ago = parseDuration(text);
  if (ago !== null) return now - ago;
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
