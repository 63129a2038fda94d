/**
 * Runs smartctl, one process at a time per drive, and reads the JSON that it prints; its manual page has the exit codes.
 * One that hangs in the kernel is told to end and left alone, and its drive isn't asked before it is gone.
 */
import type { ChildProcess } from "node:child_process";
import type { Clock } from "../../../core/kit/clock.ts";
import type { Env } from "../../../core/kit/env.ts";
import { singleLine, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";

export interface SmartctlAnswer {
  readonly code: number;
  /** What it printed, an object at least. */
  readonly printed: Readonly<Record<string, unknown>>;
}

export interface Smartctl {
  /** `key` says what might hang. Throws PROGRAM_FAILED, SOURCE_TIMEOUT or SOURCE_MALFORMED, and null where there is no such program. */
  run(key: string, args: readonly string[]): Promise<SmartctlAnswer | null>;
}

/** A drive that wakes up answers within half a minute. */
const answerMilliseconds = 40_000;
const maximumBytes = 1 << 20;

export function createSmartctl(env: Env): Smartctl {
  const running = new Set<string>();
  return {
    async run(key, args) {
      if (running.has(key))
        throw new WarpwatchError("SOURCE_TIMEOUT", `smartctl still hangs with ${key}`);
      running.add(key);
      const child = env.spawn("smartctl", ["--json=c", ...args], {
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...env.variables, LC_ALL: "C" },
      });
      const ended = endOf(child, () => void running.delete(key));
      const end = await inTime(child, ended, env.clock, key);
      if (end.missing) return null;
      return { code: end.code, printed: parse(end.output, key) };
    },
  };
}

interface End {
  readonly missing: boolean;
  readonly code: number;
  readonly output: string;
}

function endOf(child: ChildProcess, whenGone: () => void): Promise<End> {
  const { promise, resolve, reject } = Promise.withResolvers<End>();
  const parts: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on("data", (part: Buffer) => {
    bytes += part.length;
    // The rest is thrown away, so that the program isn't held up; what is left can't be parsed.
    if (bytes <= maximumBytes) parts.push(part);
  });
  child.on("error", (thrown) => {
    if (child.pid !== undefined) return;
    whenGone();
    if (systemCode(thrown) === "ENOENT") resolve({ missing: true, code: 0, output: "" });
    else reject(failed(`smartctl can't be started: ${thrown.message}`));
  });
  child.once("exit", whenGone);
  child.once("close", (code, signal) => {
    if (code === null) reject(failed(`smartctl was ended by ${signal}`));
    else resolve({ missing: false, code, output: Buffer.concat(parts).toString("utf8") });
  });
  return promise;
}

function inTime(child: ChildProcess, ended: Promise<End>, clock: Clock, key: string): Promise<End> {
  const { promise, resolve, reject } = Promise.withResolvers<End>();
  const timer = clock.after(answerMilliseconds, () => {
    child.kill("SIGTERM");
    child.stdout?.destroy();
    child.unref();
    const seconds = answerMilliseconds / 1000;
    reject(new WarpwatchError("SOURCE_TIMEOUT", `smartctl took over ${seconds} s with ${key}`));
  });
  ended.then(resolve, reject);
  return promise.finally(() => timer.cancel());
}

function parse(output: string, key: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(output);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // The sentence below says it.
  }
  const begin = singleLine(output).slice(0, 60);
  throw new WarpwatchError(
    "SOURCE_MALFORMED",
    `smartctl printed no JSON object for ${key} but "${begin}": it has to be of version 7.0 or later`,
  );
}

function failed(sentence: string): WarpwatchError {
  return new WarpwatchError("PROGRAM_FAILED", singleLine(sentence));
}
