/** Keeps one fault that repeats from being reported a thousand times: what comes again within 3 minutes is counted, and told once when it is over. */
import type { Finding } from "./finding.ts";

/** Silence that ends a burst; so that an XID storm of one job is one case, as operators count it. */
const burstSilenceMilliseconds = 180_000;

/** Faults that can be under way at once; beyond, the one that was silent longest is told at once. */
const maximumBursts = 500;

export interface Burst {
  readonly finding: Finding;
  readonly text: string;
  readonly firstMilliseconds: number;
  lastMilliseconds: number;
  count: number;
}

export interface Bursts {
  /** True for the first of a burst, which has to be reported. */
  note(finding: Finding, text: string, timeMilliseconds: number): boolean;
  /** Bursts of more than one that are over now. */
  ended(nowMilliseconds: number): Burst[];
  /** Faults that were not reported one by one. */
  readonly repeated: number;
}

export function createBursts(): Bursts {
  /** In the order of their last fault. */
  const bursts = new Map<string, Burst>();
  let over: Burst[] = [];
  let repeated = 0;

  function end(key: string, burst: Burst): void {
    bursts.delete(key);
    if (burst.count > 1) over.push(burst);
  }

  function endSilent(nowMilliseconds: number): void {
    for (const [key, burst] of bursts) {
      const silent = nowMilliseconds - burst.lastMilliseconds;
      if (silent < burstSilenceMilliseconds && bursts.size <= maximumBursts) break;
      end(key, burst);
    }
  }

  return {
    get repeated() {
      return repeated;
    },
    note(finding, text, timeMilliseconds) {
      const key = `${finding.kind} ${finding.severity} ${finding.subject}`;
      const running = bursts.get(key);
      if (running && timeMilliseconds - running.lastMilliseconds < burstSilenceMilliseconds) {
        running.count += 1;
        running.lastMilliseconds = timeMilliseconds;
        repeated += 1;
        bursts.delete(key);
        bursts.set(key, running);
        return false;
      }
      if (running) end(key, running);
      const firstMilliseconds = timeMilliseconds;
      bursts.set(key, {
        finding,
        text,
        firstMilliseconds,
        lastMilliseconds: timeMilliseconds,
        count: 1,
      });
      endSilent(timeMilliseconds);
      return true;
    },
    ended(nowMilliseconds) {
      endSilent(nowMilliseconds);
      const ended = over;
      over = [];
      return ended;
    },
  };
}
