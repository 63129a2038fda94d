/** The process around a command: signals ask it to end once and make it end the second time; no stack trace ever reaches the user. */
import { describeError } from "../core/kit/errors.ts";
import type { Terminal } from "./terminal.ts";

/** How long a command may take to stop what it started. */
const stopMilliseconds = 5000;

const signalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * Runs `work` with a signal that aborts when the process is asked to end; resolves to the exit code.
 * SIGHUP is among what ends it, unless the work takes it as a request to reload: a closed terminal leaves nothing behind.
 */
export async function underSignals(
  terminal: Terminal,
  reloads: boolean,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  const ending = ["SIGINT", "SIGTERM", ...(reloads ? [] : (["SIGHUP"] as const))] as const;
  const handlers = ending.map((name) => {
    const handler = (): void => {
      if (controller.signal.aborted) process.exit(128 + signalNumbers[name]);
      controller.abort();
      setTimeout(() => {
        terminal.complain(`warpwatch: not everything stopped within ${stopMilliseconds / 1000} s`);
        process.exit(1);
      }, stopMilliseconds).unref();
    };
    process.on(name, handler);
    return { name, handler };
  });
  const giveUp = (thrown: unknown): void => {
    terminal.complain(`warpwatch: ${describeError(thrown)}`);
    process.exit(1);
  };
  process.on("uncaughtException", giveUp);
  // A reader that went away (`warpwatch metrics | head`) is no failure of ours.
  process.stdout.on("error", (thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "EPIPE") process.exit(0);
    giveUp(thrown);
  });
  try {
    return await work(controller.signal);
  } finally {
    for (const { name, handler } of handlers) process.off(name, handler);
    process.off("uncaughtException", giveUp);
  }
}

/** Calls back at every SIGHUP; returns what stops that. */
export function onReload(callback: () => void): () => void {
  process.on("SIGHUP", callback);
  return () => void process.off("SIGHUP", callback);
}

export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
