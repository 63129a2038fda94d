/**
 * Runs nvidia-smi, one process at a time. A process that hangs inside the driver is told to end and then left alone:
 * SIGKILL does nothing to it while it is in the call, and what it tears down afterwards has wedged GPUs (XID 119, 120);
 * a second process would hang beside it. So none is started until the first is gone.
 */
import type { ChildProcess } from "node:child_process";
import { singleLine, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import { sleep, type Clock } from "../../../core/kit/clock.ts";
import type { Env } from "../../../core/kit/env.ts";

export interface Ending {
  /** The program isn't there. */
  readonly missing: boolean;
  /** Why it ended, for a person. */
  readonly reason: string;
}

export interface Running {
  readonly pid: number;
  /** Set once the process is gone. */
  readonly ending: Ending | undefined;
  readonly ended: Promise<Ending>;
  /** Monotonic milliseconds at which it was told to end. */
  readonly stoppedAt: number | undefined;
  /** Asks it to end and forgets it. */
  stop(): void;
}

export interface Runner {
  /** Throws while an earlier process hasn't ended. `onLine` returns false for a line that is a message and not data. */
  start(args: readonly string[], onLine: (line: string) => boolean): Running;
}

/** All that a release may take. */
const releaseMilliseconds = 2000;
/** Longer than any row; more without a line break isn't nvidia-smi speaking. */
const maximumLineLength = 64 * 1024;

/** What the exit codes mean, from nvidia-smi's manual page; used where it says nothing itself. */
const exitCodes: Readonly<Record<number, string>> = {
  2: "an argument it doesn't know",
  4: "no permission",
  6: "no such GPU",
  8: "a GPU's power cable isn't connected",
  9: "the NVIDIA driver isn't loaded",
  10: "a GPU has a problem with interrupts",
  12: "the NVML library isn't there",
  13: "the NVML library is too old",
  14: "a GPU's infoROM is damaged",
  15: "a GPU has fallen off the bus",
};

/** The process's end, or undefined when the signal aborts first: then it's told to end. */
export async function endOf(running: Running, signal: AbortSignal): Promise<Ending | undefined> {
  const ending = await Promise.race([running.ended, whenAborted(signal)]);
  if (!ending) running.stop();
  return ending;
}

export function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** Processes of the same program, whoever runs them: while one of them hangs nobody starts another. */
export interface Siblings {
  readonly processes: Set<Running>;
  /** Steady milliseconds before which none is started: the GPUs were released. */
  heldUntil: number;
}

export function createSiblings(): Siblings {
  return { processes: new Set(), heldUntil: Number.NEGATIVE_INFINITY };
}

/** Ends them all, so that a driver can be unloaded, and starts none for a while; false where there was none. */
export async function releaseSiblings(
  clock: Clock,
  siblings: Siblings,
  holdMilliseconds: number,
): Promise<boolean> {
  siblings.heldUntil = clock.monotonic() + holdMilliseconds;
  const running = [...siblings.processes].filter(({ ending }) => !ending);
  for (const each of running) each.stop();
  await Promise.race([
    Promise.all(running.map(({ ended }) => ended)),
    sleep(clock, releaseMilliseconds),
  ]);
  return running.length > 0;
}

export function createRunner(
  env: Env,
  command: string,
  siblings: Siblings = createSiblings(),
): Runner {
  let previous: Running | undefined;
  return {
    start(args, onLine) {
      if (previous && !previous.ending) throw stillThere(env, command, previous);
      if (env.clock.monotonic() < siblings.heldUntil)
        throw new WarpwatchError("DRIVER_REFUSED", "the GPUs were released for their driver");
      for (const sibling of siblings.processes) {
        if (sibling.ending) siblings.processes.delete(sibling);
        else if (sibling.stoppedAt !== undefined) throw stillThere(env, command, sibling);
      }
      const child = env.spawn(command, args, {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...env.variables, LC_ALL: "C" },
      });
      previous = follow(env, child, command, onLine);
      siblings.processes.add(previous);
      return previous;
    },
  };
}

function stillThere(env: Env, command: string, running: Running): WarpwatchError {
  if (running.stoppedAt === undefined)
    return new WarpwatchError("SOURCE_TIMEOUT", `${command} still runs`);
  const seconds = Math.round((env.clock.monotonic() - running.stoppedAt) / 1000);
  return new WarpwatchError(
    "SOURCE_TIMEOUT",
    `${command} (process ${running.pid}) was told to end ${seconds} s ago and still hangs in the driver: no second one is started`,
  );
}

function follow(
  env: Env,
  child: ChildProcess,
  command: string,
  onLine: (line: string) => boolean,
): Running {
  let ending: Ending | undefined;
  let stoppedAt: number | undefined;
  let message = "";
  const note = (line: string): void => {
    if (line.trim() !== "") message = singleLine(line).slice(0, 300);
  };
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const end = (result: Ending): void => {
    ending ??= result;
    resolve(ending);
  };
  readLines(child.stdout, (line) => {
    if (stoppedAt === undefined && !onLine(line)) note(line);
  });
  readLines(child.stderr, note);
  child.on("error", (thrown) => {
    // Also raised when a signal can't be sent: only a process that never was is an end.
    if (child.pid !== undefined) return;
    const missing = systemCode(thrown) === "ENOENT";
    end({ missing, reason: `${command} can't be started: ${singleLine(thrown.message)}` });
  });
  child.once("close", (code, signal) => {
    end({ missing: false, reason: describeEnd(command, code, signal, message) });
  });
  return {
    pid: child.pid ?? 0,
    get ending() {
      return ending;
    },
    get stoppedAt() {
      return stoppedAt;
    },
    ended: promise,
    stop() {
      if (stoppedAt !== undefined) return;
      stoppedAt = env.clock.monotonic();
      child.kill("SIGTERM");
      // Its pipes and its end are no reason for this process to go on living.
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
    },
  };
}

function describeEnd(
  command: string,
  code: number | null,
  signal: string | null,
  message: string,
): string {
  if (signal !== null) return `${command} was ended by ${signal} ${message}`.trim();
  if (message !== "") return message;
  const meaning = exitCodes[code ?? -1];
  return `${command} ended with code ${code}${meaning === undefined ? "" : `: ${meaning}`}`;
}

/** Calls back per whole line; what comes after the last line break is a row cut short and says nothing. */
function readLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maximumLineLength) rest = "";
    for (const line of lines) onLine(line.replace(/\r$/, ""));
  });
}
