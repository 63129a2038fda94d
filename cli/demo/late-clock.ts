/** A clock that starts in the past and lives it from timer to timer, as fast as the machine can; then it is the real one. */
import type { Clock, Timer } from "../../core/kit/clock.ts";

export interface LateClock extends Clock {
  /** Fires every timer of the past in its order, at its time. Resolves when the clock has caught up with the real one. */
  catchUp(signal: AbortSignal): Promise<void>;
}

interface Waiting {
  readonly at: number;
  readonly callback: () => void;
  /** Once the clock has caught up. */
  real: Timer | null;
}

/** Until it is told to catch up its time stands still. */
export function createLateClock(base: Clock, pastMilliseconds: number): LateClock {
  const waiting = new Set<Waiting>();
  /** Where this clock stands on the real one's steady time; null once it has caught up. */
  let shown: number | null = base.monotonic() - pastMilliseconds;

  function hand(timer: Waiting): void {
    timer.real = base.after(Math.max(0, timer.at - base.monotonic()), () => {
      waiting.delete(timer);
      timer.callback();
    });
  }

  return {
    now: () => base.now() - (shown === null ? 0 : base.monotonic() - shown),
    // Never negative: programs take a time below zero for "never".
    monotonic: () => (shown ?? base.monotonic()) + pastMilliseconds,
    after(milliseconds, callback) {
      const at = (shown ?? base.monotonic()) + Math.max(0, milliseconds);
      const timer: Waiting = { at, callback, real: null };
      waiting.add(timer);
      if (shown === null) hand(timer);
      return {
        cancel() {
          waiting.delete(timer);
          timer.real?.cancel();
        },
      };
    },
    async catchUp(signal) {
      while (!signal.aborted) {
        const next = earliest(waiting);
        if (next === null || next.at >= base.monotonic()) break;
        waiting.delete(next);
        shown = next.at;
        next.callback();
        // What the timer began goes on before the next one fires.
        await new Promise((resolve) => setImmediate(resolve));
      }
      shown = null;
      for (const timer of waiting) hand(timer);
    },
  };
}

function earliest(timers: Iterable<Waiting>): Waiting | null {
  let first: Waiting | null = null;
  for (const timer of timers) if (first === null || timer.at < first.at) first = timer;
  return first;
}
