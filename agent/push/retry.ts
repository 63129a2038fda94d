/** When to try again: what the collector asked for, or longer with every failure; spread, so that a fleet doesn't march in step. */
import { backoffMilliseconds } from "../../core/kit/backoff.ts";
import type { Clock, Timer } from "../../core/kit/clock.ts";

export interface Retry {
  readonly waiting: boolean;
  /** Calls back after a time that grows with every failure in a row, or about the one that was asked for. */
  after(askedMilliseconds: number | null, callback: () => void): void;
  succeeded(): void;
  cancel(): void;
}

/** A collector that is back is found within seconds, however long it was away. */
const longestMilliseconds = 5000;

export function createRetry(clock: Clock, randomId: () => string): Retry {
  let failures = 0;
  let timer: Timer | null = null;
  return {
    get waiting() {
      return timer !== null;
    },
    after(asked, callback) {
      failures += 1;
      const spread = backoffMilliseconds(asked === null ? failures : 1, randomId());
      const wait = asked === null ? Math.min(spread, longestMilliseconds) : asked + spread;
      timer?.cancel();
      timer = clock.after(wait, () => {
        timer = null;
        callback();
      });
    },
    succeeded: () => void (failures = 0),
    cancel() {
      timer?.cancel();
      timer = null;
    },
  };
}
