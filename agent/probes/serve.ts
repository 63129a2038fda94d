/** The child's side of a probe: answers calls by a table until the agent goes, and then ends by itself. */
import { describeError } from "../../core/kit/errors.ts";
import type { ProbeReply, ProbeRequest } from "./message.ts";
import type { ProbeValue } from "./probe.ts";

/**
 * One call. What it throws becomes the sentence of a PROBE_FAILED. It may hold the loop, or return a promise; what it
 * does after its first `await` must not hold the loop, since then nobody can tell which key hangs.
 */
export type ProbeCall = (argument: ProbeValue, key: string) => ProbeValue;

export interface ServeOptions {
  /**
   * What becomes of calls in other threads that haven't come back when the agent goes: `finish` waits for them,
   * since a kill may leave a driver in a state that only a reboot mends; `leave` ends the process regardless.
   */
  readonly whenAlone: "finish" | "leave";
}

export function serveProbe(
  calls: Readonly<Record<string, ProbeCall>>,
  { whenAlone }: ServeOptions,
): void {
  if (!process.send) {
    process.stderr.write("this program is started by the agent, not by hand\n");
    process.exitCode = 2;
    return;
  }
  let outstanding = 0;

  function end(): void {
    if (outstanding === 0) process.exit(0);
    // An ordinary exit waits for every thread, and one that hangs doesn't come.
    if (whenAlone === "leave") process.kill(process.pid, "SIGKILL");
  }

  async function finish(id: number, promise: Promise<ProbeValue>): Promise<void> {
    outstanding += 1;
    reply({ kind: "pending", id });
    try {
      reply({ kind: "answer", id, value: await promise });
    } catch (thrown) {
      reply({ kind: "failed", id, sentence: describeError(thrown) });
    }
    outstanding -= 1;
    if (!process.connected) end();
  }

  process.on("message", (message) => {
    const { id, call, key, argument } = message as ProbeRequest;
    try {
      const make = Object.hasOwn(calls, call) ? calls[call] : undefined;
      if (!make) throw new Error(`there is no call named ${call}`);
      const value = make(argument, key);
      if (value instanceof Promise) void finish(id, value);
      else reply({ kind: "answer", id, value });
    } catch (thrown) {
      reply({ kind: "failed", id, sentence: describeError(thrown) });
    }
  });
  process.on("disconnect", end);
  // An agent that has gone reads no complaints, and that is no reason to break off a call.
  process.stderr.on("error", () => undefined);
  reply({ kind: "ready" });
}

/** Throws what can't be cloned; once the agent has gone nobody listens. */
function reply(message: ProbeReply): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
