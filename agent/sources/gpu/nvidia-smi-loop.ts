/** Keeps one looping nvidia-smi alive: starts it, watches that rounds keep coming, backs off when it ends. */
import { WarpwatchError } from "../../../core/kit/errors.ts";
import type { Env } from "../../../core/kit/env.ts";
import { createRoundReader, type Layout, type Row } from "./nvidia-smi-rounds.ts";
import { whenAborted, type Runner, type Running } from "./nvidia-smi-process.ts";

export interface LoopOptions {
  readonly periodMilliseconds: number;
  /** Without a complete round for so long the values are too old to be shown. */
  readonly staleMilliseconds: number;
  /** Without a complete round for so long the process is given up: it hangs in the driver. */
  readonly stallMilliseconds: number;
  /** From the first to the longest pause before a new start. */
  readonly backoffMilliseconds: readonly [first: number, longest: number];
}

export interface Loop {
  /** The newest round; throws where there's none that is fresh, with the reason. Starts the process when it's time to. */
  latest(): readonly Row[];
  /** The first round of the running process; rejects when it ends first or the signal aborts. */
  first(signal: AbortSignal): Promise<void>;
  /** Ends the process and asks for these GPUs only from now on; all of them where none are given. */
  restart(busIds: readonly string[]): void;
  close(): void;
}

export function createLoop(env: Env, runner: Runner, layout: Layout, options: LoopOptions): Loop {
  const { clock } = env;
  let busIds: readonly string[] = [];
  let running: Running | undefined;
  let rows: readonly Row[] | undefined;
  let roundAt = 0;
  let startedAt = 0;
  let startAgainAt = 0;
  let failures = 0;
  let failure = new WarpwatchError("SOURCE_TIMEOUT", "nvidia-smi has given no values yet");
  let onRound = Promise.withResolvers<void>();

  function start(): void {
    const reader = createRoundReader(layout, busIds.length > 0 ? busIds.length : undefined);
    running = runner.start(commandLine(), (line) => {
      const taken = reader.take(line);
      if (taken === "no row") return false;
      if (taken === undefined) return true;
      rows = taken;
      roundAt = clock.monotonic();
      onRound.resolve();
      return true;
    });
    startedAt = clock.monotonic();
    onRound = Promise.withResolvers<void>();
  }

  function commandLine(): string[] {
    return [
      `--query-gpu=${layout.query}`,
      // With units, since a number alone wouldn't tell that its unit changed.
      "--format=csv,noheader",
      ...(busIds.length > 0 ? [`--id=${busIds.join(",")}`] : []),
      `--loop-ms=${options.periodMilliseconds}`,
    ];
  }

  function giveUp(reason: WarpwatchError): void {
    const [first, longest] = options.backoffMilliseconds;
    const now = clock.monotonic();
    // Only a process that lived has earned a quick start.
    failures = now - startedAt > longest ? 1 : failures + 1;
    startAgainAt = now + Math.min(first * 2 ** (failures - 1), longest);
    failure = reason;
    rows = undefined;
    running = undefined;
  }

  function supervise(): void {
    const silent = clock.monotonic() - Math.max(roundAt, startedAt);
    if (running?.ending) giveUp(new WarpwatchError("PROGRAM_FAILED", running.ending.reason));
    else if (running && silent > options.stallMilliseconds) {
      running.stop();
      const sentence = `nvidia-smi has given no values for ${Math.round(silent / 1000)} s`;
      giveUp(new WarpwatchError("SOURCE_TIMEOUT", sentence));
    }
    if (running || clock.monotonic() < startAgainAt) return;
    try {
      start();
    } catch (thrown) {
      if (!(thrown instanceof WarpwatchError)) throw thrown;
      failure = thrown;
    }
  }

  return {
    latest() {
      supervise();
      const age = clock.monotonic() - roundAt;
      if (rows && age <= options.staleMilliseconds) return rows;
      if (!rows) throw failure;
      const sentence = `nvidia-smi's last values are ${(age / 1000).toFixed(1)} s old`;
      throw new WarpwatchError("SOURCE_TIMEOUT", sentence);
    },
    async first(signal) {
      start();
      const started = running;
      const ending = await Promise.race([started?.ended, onRound.promise, whenAborted(signal)]);
      if (ending) throw new WarpwatchError("PROGRAM_FAILED", ending.reason);
      if (rows) return;
      started?.stop();
      throw new WarpwatchError("SOURCE_TIMEOUT", "nvidia-smi gave no values in time");
    },
    restart(wanted) {
      running?.stop();
      running = undefined;
      busIds = wanted;
      startAgainAt = clock.monotonic();
    },
    close() {
      running?.stop();
      running = undefined;
      startAgainAt = Number.POSITIVE_INFINITY;
    },
  };
}
