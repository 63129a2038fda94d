/**
 * Asks filesystems for their usage without ever waiting on one that hangs. What a server or a program stands behind is
 * asked through the slow-kernel probe, all at once. This machine's own disks are asked from here, at most two at a time:
 * Node has four threads for everything that blocks, and a thread in a hung disk doesn't come back.
 */
import { statfs, statfsSync } from "node:fs";
import type { Clock } from "../../../core/kit/clock.ts";
import type { Probe } from "../../probes/probe.ts";

export interface Asked {
  /** Unique among those asked. */
  readonly key: string;
  /** What the probe's calls go by, for people to read. */
  readonly mountPoint: string;
  readonly path: Buffer;
  readonly inMemory: boolean;
  /** A filesystem of this machine's own disks, which hangs only when a disk does. */
  readonly local: boolean;
}

/** Counts of blocks and files, as statfs(2) gives them. */
export interface SpaceUsage {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** `waiting`: asked, not answered, and not yet given up; nothing is known of it. */
type Usage = SpaceUsage | "error" | "waiting";

export interface UsageAsker {
  /** Asks all of them and resolves when they have answered, patience is over or the signal aborts. */
  ask(filesystems: readonly Asked[], signal: AbortSignal): Promise<void> | void;
  usageOf(filesystem: Asked): Usage;
  /** Calls of this process's own that have not come back. */
  readonly outstanding: number;
}

export interface UsageAskerOptions {
  readonly clock: Clock;
  readonly probe: Probe;
  /** For tests: what is called in the thread pool. */
  readonly call?: (path: Buffer, done: (error: Error | null, usage: SpaceUsage) => void) => void;
}

/** A filesystem that has not answered for so long is in error until it does. */
const deadlineMilliseconds = 5000;
/** A round waits so long for slow ones; their last answer stands meanwhile. */
const patienceMilliseconds = 100;
const maximumOutstanding = 2;

interface Inquiry {
  asked: Asked;
  /** When the answer was first missed; NaN while there is none to wait for. */
  waitingSince: number;
  inFlight: boolean;
  answer: Usage;
}

export function createUsageAsker(options: UsageAskerOptions): UsageAsker {
  const { clock, probe, call = callStatfs } = options;
  let inquiries = new Map<string, Inquiry>();
  let queue: Inquiry[] = [];
  let outstanding = 0;
  /** Names the calls of one `ask`; those of earlier ones are nobody's to wait for. */
  let round = 0;
  let outstandingOfRound = 0;
  let finish: (() => void) | null = null;

  /** Starts what may be started; when nothing of this round is under way any more, the round is over. */
  function pump(): void {
    for (let index = 0; index < queue.length;) {
      const inquiry = queue[index];
      if (inquiry && (!inquiry.asked.local || outstanding < maximumOutstanding)) {
        queue.splice(index, 1);
        start(inquiry);
      } else index += 1;
    }
    if (outstandingOfRound === 0) finish?.();
  }

  function start(inquiry: Inquiry): void {
    const { local, path, mountPoint } = inquiry.asked;
    const startedIn = round;
    function end(): void {
      inquiry.inFlight = false;
      if (startedIn === round) outstandingOfRound -= 1;
      pump();
    }
    inquiry.inFlight = true;
    outstandingOfRound += 1;
    if (local) {
      outstanding += 1;
      call(path, (error, usage) => {
        outstanding -= 1;
        answer(inquiry, error ? "error" : usage);
        end();
      });
      return;
    }
    // A probe that has no answer yet, or was started anew, says nothing about the mount.
    void probe
      .ask("statfs", mountPoint, path, deadlineMilliseconds)
      .then((usage) => answer(inquiry, readUsage(usage)))
      .catch(() => undefined)
      .then(end);
  }

  function answer(inquiry: Inquiry, usage: Usage): void {
    inquiry.answer = usage;
    inquiry.waitingSince = Number.NaN;
  }

  function inquiriesFor(filesystems: readonly Asked[]): Inquiry[] {
    const now = clock.monotonic();
    const kept = new Map<string, Inquiry>();
    for (const asked of filesystems) {
      const inquiry = inquiries.get(asked.key) ?? {
        asked,
        waitingSince: Number.NaN,
        inFlight: false,
        answer: "waiting",
      };
      inquiry.asked = asked;
      if (Number.isNaN(inquiry.waitingSince)) inquiry.waitingSince = now;
      kept.set(asked.key, inquiry);
    }
    const current = [...kept.values()];
    // A mount that went while it hung may come back: it must not be asked a second time.
    for (const [key, inquiry] of inquiries) if (inquiry.inFlight) kept.set(key, inquiry);
    inquiries = kept;
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
      const all = inquiriesFor(filesystems);
      for (const inquiry of all)
        if (inquiry.asked.inMemory) answer(inquiry, askInMemory(inquiry.asked.path));
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
      const inquiry = inquiries.get(filesystem.key);
      if (!inquiry) return "waiting";
      const late = clock.monotonic() - inquiry.waitingSince >= deadlineMilliseconds;
      return late ? "error" : inquiry.answer;
    },
  };
}

function callStatfs(path: Buffer, done: (error: Error | null, usage: SpaceUsage) => void): void {
  statfs(path, done);
}

function askInMemory(path: Buffer): Usage {
  try {
    return statfsSync(path);
  } catch {
    return "error";
  }
}

/** What the probe answers: the six numbers in order, or null where the kernel refused. */
function readUsage(answer: unknown): Usage {
  if (!(answer instanceof Float64Array)) return "error";
  const [bsize = 0, blocks = 0, bfree = 0, bavail = 0, files = 0, ffree = 0] = answer;
  return { bsize, blocks, bfree, bavail, files, ffree };
}
