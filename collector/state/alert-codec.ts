/**
 * Alerts as text in the state file. JSON has no NaN and no infinity, so the value travels as text inside it; its last field is
 * the CRC-32 (zlib) of the others, so that a bit that flips on disk is found.
 */
import { crc32 } from "node:zlib";
import { WarpwatchError } from "../../core/kit/errors.ts";
import type { Alert } from "./alert.ts";

type Stored = Omit<Alert, "value"> & { readonly value: string; readonly checksum?: number };

export function encodeAlert(alert: Alert): string {
  const text = JSON.stringify({ ...alert, value: String(alert.value) });
  return `${text.slice(0, -1)},"checksum":${crc32(text)}}`;
}

export function decodeAlert(body: string): Alert {
  try {
    const { checksum, ...alert }: Stored = JSON.parse(body);
    // Those of older releases have none.
    if (checksum !== undefined && checksum !== crc32(JSON.stringify(alert)))
      throw new Error("it was damaged on disk");
    return { ...alert, value: Number(alert.value) };
  } catch (cause) {
    throw new WarpwatchError("STATE_UNUSABLE", "a stored alert can't be read", { cause });
  }
}
