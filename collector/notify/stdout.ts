/**
 * Standard output: one line of JSON per notification, with the webhook's fields. Lines are written one after the other and
 * apart from the main thread, because a reader that stops reading would block whoever writes.
 */
import { writeFile } from "node:fs";
import { systemCode } from "../../core/kit/errors.ts";
import type { Receipt, Service } from "./notifier.ts";
import { retryBecause } from "./post.ts";
import { documentOf } from "./webhook-document.ts";

export interface StdoutOptions {
  readonly name: string;
  readonly timeoutMilliseconds: number;
  /** Of the open file; standard output is 1. */
  readonly descriptor?: number;
}

export function createStdout(options: StdoutOptions): Service {
  const { name, timeoutMilliseconds, descriptor = 1 } = options;
  /** The line being written, with what fails or an empty string. */
  let current: Promise<string> | null = null;
  let brokenOff = false;

  function write(line: string): Promise<string> {
    // What was broken off must not begin this line.
    const text = brokenOff ? `\n${line}` : line;
    current = new Promise((resolve) => {
      writeFile(descriptor, text, (thrown) => {
        current = null;
        brokenOff = thrown !== null;
        resolve(thrown === null ? "" : systemCode(thrown) || thrown.message);
      });
    });
    return current;
  }

  async function send(line: string, signal: AbortSignal): Promise<Receipt> {
    const aborted = whenAborted(signal);
    for (let busy = current; busy !== null && !signal.aborted; busy = current)
      await Promise.race([busy, aborted]);
    const failure = signal.aborted ? null : await Promise.race([write(line), aborted]);
    if (failure === "") return { outcome: "accepted" };
    return failure === null
      ? retryBecause("timeout", "standard output isn't being read")
      : retryBecause("connection", `standard output can't be written: ${failure}`);
  }

  return {
    name,
    timeoutMilliseconds,
    send: (notification, signal) => send(`${JSON.stringify(documentOf(notification))}\n`, signal),
  };
}

function whenAborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}
