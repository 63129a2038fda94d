/** Regular expressions of flags, which node_exporter reads as RE2. */
import { describeError, WarpwatchError } from "../core/kit/errors.ts";
import { compilePattern } from "../core/kit/pattern.ts";

/** Throws FLAG_INVALID with the flag's name. */
export function compileFlagPattern(flag: string, text: string): RegExp {
  try {
    return compilePattern(text);
  } catch (cause) {
    throw new WarpwatchError("FLAG_INVALID", `--${flag}: ${describeError(cause)}`, { cause });
  }
}
