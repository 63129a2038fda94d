/** Lanes: one queue per incident of a notifier. Within a lane strictly in order and one at a time; lanes among each other don't wait. */
import type { Accepted } from "./notifier.ts";

export interface Lane {
  readonly key: string;
  /** Sequences that wait, the next one first. */
  readonly queue: number[];
  /** Failed attempts for the first of the queue. */
  failures: number;
  /** The receiver has accepted the first of the queue; only the state file doesn't say so yet. */
  accepted: Accepted | null;
}

export interface Lanes {
  add(key: string, sequence: number): void;
  /** A lane with work, which is the caller's until it is given back; null when there is none. */
  take(): Lane | null;
  /** Takes a lane that has no work, so that nothing is sent in it meanwhile; null when it has or is taken. */
  reserve(key: string): Lane | null;
  giveBack(lane: Lane): void;
}

export function createLanes(): Lanes {
  const lanes = new Map<string, Lane>();
  /** Lanes with work that nobody has taken, in the order in which they got there. */
  const ready = new Set<Lane>();

  function make(key: string): Lane {
    const lane = { key, queue: [], failures: 0, accepted: null };
    lanes.set(key, lane);
    return lane;
  }

  return {
    add(key, sequence) {
      const known = lanes.get(key);
      const lane = known ?? make(key);
      lane.queue.push(sequence);
      // A known lane is taken or ready already.
      if (!known) ready.add(lane);
    },
    take() {
      const [lane] = ready;
      if (lane === undefined) return null;
      ready.delete(lane);
      return lane;
    },
    reserve: (key) => (lanes.has(key) ? null : make(key)),
    giveBack(lane) {
      if (lane.queue.length > 0) ready.add(lane);
      else lanes.delete(lane.key);
    },
  };
}
