/** Alerts as text in the state file. JSON has no NaN and no infinity, so the value travels as text inside it. */
import { WarpwatchError } from "../../core/kit/errors.ts";
import type { Alert } from "./alert.ts";

export function encodeAlert(alert: Alert): string {
  return JSON.stringify({ ...alert, value: String(alert.value) });
}

export function decodeAlert(body: string): Alert {
  try {
    const alert: Omit<Alert, "value"> & { value: string } = JSON.parse(body);
    return { ...alert, value: Number(alert.value) };
  } catch (cause) {
    throw new WarpwatchError("STATE_UNUSABLE", "a stored alert can't be read", { cause });
  }
}
