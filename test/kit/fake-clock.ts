/** A clock that moves only when a test says so, and fires timers in the order of their time. */
import type { Clock } from "../../core/kit/clock.ts";

export interface FakeClock extends Clock {
  /** Moves on by the given time; timers fire in order, and what awaits them runs before the next. */
  advance(milliseconds: number): Promise<void>;
  /** Sets the wall clock without moving the steady one, as an administrator would. */
  setWallClock(milliseconds: number): void;
  /** Timers that are set and neither fired nor cancelled. */
  readonly pendingTimers: number;
}

interface Waiting {
  readonly at: number;
  readonly callback: () => void;
}

export function createFakeClock(startMilliseconds = 1_700_000_000_000): FakeClock {
  let elapsed = 0;
  let wallOffset = startMilliseconds;
  const waiting = new Set<Waiting>();

  function next(limit: number): Waiting | null {
    let first: Waiting | null = null;
    for (const timer of waiting)
      if (timer.at <= limit && (first === null || timer.at < first.at)) first = timer;
    return first;
  }

  return {
    now: () => wallOffset + elapsed,
    monotonic: () => elapsed,
    after(milliseconds, callback) {
      const timer = { at: elapsed + Math.max(0, milliseconds), callback };
      waiting.add(timer);
      return { cancel: () => void waiting.delete(timer) };
    },
    async advance(milliseconds) {
      const limit = elapsed + milliseconds;
      await settle();
      for (let timer = next(limit); timer !== null; timer = next(limit)) {
        waiting.delete(timer);
        elapsed = timer.at;
        timer.callback();
        await settle();
      }
      elapsed = limit;
      await settle();
    },
    setWallClock(milliseconds) {
      wallOffset = milliseconds - elapsed;
    },
    get pendingTimers() {
      return waiting.size;
    },
  };
}

/** Lets promises that are ready run, those that they make ready included. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
