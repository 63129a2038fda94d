/** When the series of one source were sampled, over a window: kept once for all of them, since a frame samples them together. */
export interface TimeRing {
  readonly lengthMilliseconds: number;
  /** At most so many entries: a power of two. */
  readonly capacity: number;
  /** Entries are numbered from 0 on, and never anew; there is none while `first` is over `newest`. */
  first: number;
  newest: number;
  /** Unix milliseconds of the newest entry; meaningless while there is none. */
  newestTime: number;
  /** The newest entry and its time as they were before the frame at hand. */
  beforeEntry: number;
  beforeTime: number;
  /** An entry's time is where its number, cut to the array's length, says. */
  times: Float64Array;
}

/** Ten minutes at one second fit whole. */
export const windowCapacity = 1024;
const initialSize = 16;

export function createTimeRing(lengthMilliseconds: number, capacity = windowCapacity): TimeRing {
  return {
    lengthMilliseconds,
    capacity,
    first: 0,
    newest: -1,
    newestTime: 0,
    beforeEntry: -1,
    beforeTime: 0,
    times: new Float64Array(initialSize),
  };
}

export function timeOf({ times }: TimeRing, entry: number): number {
  return times[entry & (times.length - 1)]!;
}

/**
 * A frame came whose newest sample has the time `end`, and those of the ring's source `time`; -1 where it has none of them.
 * True when what holds of rows that stand still holds no more: the source was silent, or its clock went back.
 */
export function advanceRing(ring: TimeRing, time: number, end: number): boolean {
  const { newest, first } = ring;
  ring.beforeEntry = newest;
  ring.beforeTime = ring.newestTime;
  if (time >= 0) push(ring, time);
  dropBefore(ring, end - ring.lengthMilliseconds);
  return newest > first && (ring.newest <= ring.first || ring.newestTime < ring.beforeTime);
}

/** Adds an entry unless its time is the newest's; times that come too close together to fit share one, with the later time. */
function push(ring: TimeRing, time: number): void {
  if (ring.newest >= ring.first) {
    if (time === ring.newestTime) return;
    if (time < ring.newestTime) ring.first = ring.newest + 1;
  }
  dropBefore(ring, time - ring.lengthMilliseconds);
  const count = ring.newest - ring.first + 1;
  const spacing = ring.lengthMilliseconds / (ring.capacity - 2);
  const merges = count >= 2 && time - timeOf(ring, ring.newest - 1) < spacing;
  if (!merges) {
    if (count === ring.times.length && count < ring.capacity) grow(ring);
    else if (count === ring.times.length) ring.first += 1;
    ring.newest += 1;
  }
  ring.times[ring.newest & (ring.times.length - 1)] = time;
  ring.newestTime = time;
}

function dropBefore(ring: TimeRing, start: number): void {
  while (ring.first <= ring.newest && timeOf(ring, ring.first) < start) ring.first += 1;
}

function grow(ring: TimeRing): void {
  const wider = new Float64Array(ring.times.length * 2);
  for (let entry = ring.first; entry <= ring.newest; entry += 1)
    wider[entry & (wider.length - 1)] = timeOf(ring, entry);
  ring.times = wider;
}
