/**
 * Asks filesystems for their usage without ever waiting on one that hangs. Node has four threads for everything that
 * blocks, and a thread in a hung mount doesn't come back: at most two are risked, and a third where those hang.
 */
import { statfs, statfsSync, type StatsFs } from "node:fs";
import type { Clock } from "../../../core/kit/clock.ts";

export interface Asked {
  /** Unique among those asked. */
  readonly key: string;
  readonly path: Buffer;
  readonly inMemory: boolean;
  /** A filesystem of this machine's own disks, which hangs only when a disk does. */
  readonly local: boolean;
}

/** `waiting`: asked, not answered, and not yet given up; nothing is known of it. */
type Usage = StatsFs | "error" | "waiting";

export interface UsageAsker {
  /** Asks all of them and resolves when they have answered, patience is over or the signal aborts. */
  ask(filesystems: readonly Asked[], signal: AbortSignal): Promise<void> | void;
  usageOf(filesystem: Asked): Usage;
  /** Calls that have not come back. */
  readonly outstanding: number;
}

export interface UsageAskerOptions {
  readonly clock: Clock;
  /** For tests: what is called in the thread pool. */
  readonly call?: (path: Buffer, done: (error: Error | null, usage: StatsFs) => void) => void;
}

/** A filesystem that has not answered for so long is in error until it does. */
const deadlineMilliseconds = 5000;
/** A round waits so long for slow ones; their last answer stands meanwhile. */
const patienceMilliseconds = 100;
const maximumOutstanding = 3;
const maximumOutstandingRemote = 2;

interface Probe {
  asked: Asked;
  /** When the answer was first missed; NaN while there is none to wait for. */
  waitingSince: number;
  inFlight: boolean;
  answer: Usage;
}

export function createUsageAsker({ clock, call = callStatfs }: UsageAskerOptions): UsageAsker {
  let probes = new Map<string, Probe>();
  let queue: Probe[] = [];
  let outstanding = 0;
  let outstandingRemote = 0;
  /** Names the calls of one `ask`; those of earlier ones are nobody's to wait for. */
  let round = 0;
  let outstandingOfRound = 0;
  let finish: (() => void) | null = null;

  /** Starts what may be started; when nothing of this round is under way any more, the round is over. */
  function pump(): void {
    for (let index = 0; index < queue.length && outstanding < maximumOutstanding;) {
      const probe = queue[index];
      if (probe && (probe.asked.local || outstandingRemote < maximumOutstandingRemote)) {
        queue.splice(index, 1);
        start(probe);
      } else index += 1;
    }
    if (outstandingOfRound === 0) finish?.();
  }

  function start(probe: Probe): void {
    const { local, path } = probe.asked;
    const startedIn = round;
    probe.inFlight = true;
    outstanding += 1;
    outstandingOfRound += 1;
    if (!local) outstandingRemote += 1;
    call(path, (error, usage) => {
      probe.inFlight = false;
      outstanding -= 1;
      if (startedIn === round) outstandingOfRound -= 1;
      if (!local) outstandingRemote -= 1;
      answer(probe, error ? "error" : usage);
      pump();
    });
  }

  function answer(probe: Probe, usage: Usage): void {
    probe.answer = usage;
    probe.waitingSince = Number.NaN;
  }

  function probesFor(filesystems: readonly Asked[]): Probe[] {
    const now = clock.monotonic();
    const kept = new Map<string, Probe>();
    for (const asked of filesystems) {
      const probe = probes.get(asked.key) ?? {
        asked,
        waitingSince: Number.NaN,
        inFlight: false,
        answer: "waiting",
      };
      probe.asked = asked;
      if (Number.isNaN(probe.waitingSince)) probe.waitingSince = now;
      kept.set(asked.key, probe);
    }
    const current = [...kept.values()];
    // A mount that went while it hung may come back: it must not be asked a second time.
    for (const [key, probe] of probes) if (probe.inFlight) kept.set(key, probe);
    probes = kept;
    return current;
  }

  return {
    get outstanding() {
      return outstanding;
    },
    ask(filesystems, signal) {
      finish?.();
      round += 1;
      outstandingOfRound = 0;
      const all = probesFor(filesystems);
      for (const probe of all)
        if (probe.asked.inMemory) answer(probe, askInMemory(probe.asked.path));
      queue = all
        .filter(({ asked, inFlight }) => !asked.inMemory && !inFlight)
        .sort((left, right) => left.waitingSince - right.waitingSince);
      if (queue.length === 0) return undefined;
      return new Promise((resolve) => {
        const timer = clock.after(patienceMilliseconds, done);
        function done(): void {
          finish = null;
          queue = [];
          timer.cancel();
          signal.removeEventListener("abort", done);
          resolve();
        }
        finish = done;
        signal.addEventListener("abort", done, { once: true });
        pump();
      });
    },
    usageOf(filesystem) {
      const probe = probes.get(filesystem.key);
      if (!probe) return "waiting";
      const late = clock.monotonic() - probe.waitingSince >= deadlineMilliseconds;
      return late ? "error" : probe.answer;
    },
  };
}

function callStatfs(path: Buffer, done: (error: Error | null, usage: StatsFs) => void): void {
  statfs(path, done);
}

function askInMemory(path: Buffer): Usage {
  try {
    return statfsSync(path);
  } catch {
    return "error";
  }
}
