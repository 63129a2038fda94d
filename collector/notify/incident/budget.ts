/** A notifier's rate: notifications within a stretch of time. It begins anew with the process, since it protects people and not promises. */
import type { Rate } from "./policy.ts";

export interface Budget {
  /** Counts a notification that goes out whatever the budget says. */
  spend(nowMilliseconds: number): void;
  /** Counts one if there is room, or says that there is none. */
  take(nowMilliseconds: number): boolean;
}

/** Null is without limit. */
export function createBudget(rate: Rate | null): Budget {
  /** When the last ones went, the oldest first; no more than the rate. */
  const times: number[] = [];
  function spend(now: number): void {
    if (rate === null) return;
    times.push(now);
    if (times.length > rate.notifications) times.shift();
  }
  return {
    spend,
    take(now) {
      const oldest = times[0] ?? 0;
      const hasRoom =
        rate === null || times.length < rate.notifications || now - oldest >= rate.perMilliseconds;
      if (hasRoom) spend(now);
      return hasRoom;
    },
  };
}
