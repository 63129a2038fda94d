/** Zombies and processes in uninterruptible sleep, by command: /proc/<pid>/stat of all processes, looked at in turn and a few milliseconds in each round. */
import * as stuck from "../../../core/catalog/stuck-processes.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { absent, type Source } from "../source.ts";
import { missing } from "./missing.ts";
import { listProcesses, readProcessState, type ProcessState } from "./process-state.ts";
import { createSampleReader } from "./sample-reader.ts";
import { workInSlices } from "./time-slices.ts";

type StuckState = "zombie" | "uninterruptible";

/** A process that was found stuck; it is looked at in every round until it no longer is. */
interface Known {
  readonly command: string;
  readonly state: StuckState;
  readonly startedAt: string;
  /** Steady milliseconds at which it was first found so. */
  readonly since: number;
  looks: number;
}

/** A command whose processes are told; it stays for a while so that series don't come and go. */
interface Told {
  readonly counts: Record<StuckState, number>;
  longestMilliseconds: number;
  lastStuckAt: number;
}

const states: readonly StuckState[] = ["uninterruptible", "zombie"];
const stateOfLetter: Readonly<Record<string, StuckState>> = { D: "uninterruptible", Z: "zombie" };
/** Whoever waits for a disk is in state D for a moment: only what is still so at the next look is stuck. */
const looksBeforeTold = 2;
/** Of all rounds' time, once in 15 s: a thousandth of a processor. */
const roundMilliseconds = 15;
const maximumKnown = 512;
const maximumCommands = 50;
const keptMilliseconds = 600_000;
const other = "other";

export const stuckProcessesSource: Source = {
  name: "stuck_processes",
  metrics: Object.values(stuck),
  sampling: "steady",
  open({ env }) {
    const { procfs } = env.paths;
    if (listProcesses(procfs).length === 0) return absent(missing("processes", env.paths, procfs));
    const watch = createWatch(procfs, env.clock);
    const reader = createSampleReader((add) => {
      for (const [command, { counts, longestMilliseconds }] of watch.told()) {
        for (const state of states) add(stuck.stuckProcesses, { command, state }, counts[state]);
        if (command !== other)
          add(stuck.uninterruptibleSeconds, { command }, longestMilliseconds / 1000);
      }
      add(stuck.scanSeconds, {}, watch.passSeconds());
    });
    return {
      register: (slots) => reader.register(slots),
      async read(column, signal) {
        await watch.look(signal);
        return reader.read(column, signal);
      },
      close: () => reader.close(),
    };
  },
};

interface Watch {
  /** Looks at those known to be stuck, then on at the others as long as this round's time lasts. */
  look(signal: AbortSignal): Promise<void>;
  told(): ReadonlyMap<string, Told>;
  /** How long the last full turn took; NaN before the first is over. */
  passSeconds(): number;
}

function createWatch(procfs: string, clock: Clock): Watch {
  const known = new Map<string, Known>();
  const commands = new Map<string, Told>([[other, nothingStuck(Infinity)]]);
  let turn: string[] = [];
  let turnBegan = Number.NaN;
  let passMilliseconds = Number.NaN;
  /** Stuck processes that found no room among the known: of this turn, and of the last full one. */
  let unknown = noCounts();
  let unknownBefore = noCounts();

  function beginTurn(): void {
    turn = listProcesses(procfs).toReversed();
    turnBegan = clock.monotonic();
    unknown = noCounts();
  }

  function lookAt(process: string): void {
    const found = readProcessState(procfs, process);
    const state = found ? stateOfLetter[found.letter] : undefined;
    if (found && state) remember(process, found, state);
    else known.delete(process);
  }

  function remember(process: string, found: ProcessState, state: StuckState): void {
    const before = known.get(process);
    if (before?.startedAt === found.startedAt && before.state === state) before.looks += 1;
    else if (before || known.size < maximumKnown)
      known.set(process, { ...found, state, since: clock.monotonic(), looks: 1 });
    else unknown[state] += 1;
  }

  /** One process of the turn; false when it is over. */
  function step(): boolean {
    const process = turn.pop();
    if (process === undefined) {
      passMilliseconds = clock.monotonic() - turnBegan;
      unknownBefore = unknown;
      return false;
    }
    if (!known.has(process)) lookAt(process);
    return true;
  }

  function tell(): void {
    const now = clock.monotonic();
    for (const [command, told] of commands) {
      if (now - told.lastStuckAt > keptMilliseconds) commands.delete(command);
      Object.assign(told.counts, noCounts());
      told.longestMilliseconds = 0;
    }
    for (const { command, state, since, looks } of known.values()) {
      if (looks < looksBeforeTold) continue;
      const told = toldOf(command);
      told.counts[state] += 1;
      if (told.lastStuckAt !== Infinity) told.lastStuckAt = now;
      if (state === "uninterruptible")
        told.longestMilliseconds = Math.max(told.longestMilliseconds, now - since);
    }
    const rest = toldOf(other);
    for (const state of states) rest.counts[state] += unknownBefore[state];
  }

  function toldOf(command: string): Told {
    let told = commands.get(command);
    if (!told && commands.size >= maximumCommands) told = commands.get(other);
    if (!told) commands.set(command, (told = nothingStuck(0)));
    return told;
  }

  return {
    async look(signal) {
      for (const process of known.keys()) lookAt(process);
      if (turn.length === 0) beginTurn();
      await workInSlices(clock, roundMilliseconds, signal, step);
      tell();
    },
    told: () => commands,
    passSeconds: () => passMilliseconds / 1000,
  };
}

/** `other` is there for good. */
function nothingStuck(lastStuckAt: number): Told {
  return { counts: noCounts(), longestMilliseconds: 0, lastStuckAt };
}

function noCounts(): Record<StuckState, number> {
  return { uninterruptible: 0, zombie: 0 };
}
