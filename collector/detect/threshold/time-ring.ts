/** When the series of one source were sampled, over a window: kept once for all of them, since a frame samples them together. */
export interface TimeRing {
  /** Entries are numbered from 0 on, and never anew; there is none while `first` is over `newest`. */
  readonly first: number;
  readonly newest: number;
  /** Unix milliseconds of the newest entry; meaningless while there is none. */
  readonly newestTime: number;
  /** The newest entry and its time as they were before the frame at hand. */
  readonly beforeEntry: number;
  readonly beforeTime: number;
  /** How many entries there is room for now: a power of two. */
  readonly size: number;
  timeOf(entry: number): number;
  /**
   * A frame came whose newest sample has the time `end`, and those of the ring's source `time`; -1 where it has none of them.
   * True when what holds of rows that stand still holds no more: the source was silent, or its clock went back.
   */
  advance(time: number, end: number): boolean;
}

/** Ten minutes at one second fit whole. */
export const windowCapacity = 1024;
const initialSize = 16;

/** Times that come too close together to fit share an entry, whose time is then the later one's. */
export function createTimeRing(lengthMilliseconds: number, capacity = windowCapacity): TimeRing {
  const spacing = lengthMilliseconds / (capacity - 2);
  let times = new Float64Array(initialSize);
  let mask = initialSize - 1;

  function grow(): void {
    const wider = new Float64Array(times.length * 2);
    for (let entry = ring.first; entry <= ring.newest; entry += 1)
      wider[entry & (wider.length - 1)] = times[entry & mask]!;
    times = wider;
    mask = wider.length - 1;
    ring.size = wider.length;
  }

  function push(time: number): void {
    if (ring.newest >= ring.first) {
      if (time === ring.newestTime) return;
      if (time < ring.newestTime) ring.first = ring.newest + 1;
    }
    dropBefore(time - lengthMilliseconds);
    const count = ring.newest - ring.first + 1;
    const merges = count >= 2 && time - ring.timeOf(ring.newest - 1) < spacing;
    if (!merges) {
      if (count === times.length && count < capacity) grow();
      else if (count === times.length) ring.first += 1;
      ring.newest += 1;
    }
    times[ring.newest & mask] = time;
    ring.newestTime = time;
  }

  function dropBefore(start: number): void {
    while (ring.first <= ring.newest && times[ring.first & mask]! < start) ring.first += 1;
  }

  const ring = {
    first: 0,
    newest: -1,
    newestTime: 0,
    beforeEntry: -1,
    beforeTime: 0,
    size: initialSize,
    timeOf: (entry: number): number => times[entry & mask]!,
    advance(time: number, end: number): boolean {
      const { newest, first } = ring;
      ring.beforeEntry = newest;
      ring.beforeTime = ring.newestTime;
      if (time >= 0) push(time);
      dropBefore(end - lengthMilliseconds);
      return newest > first && (ring.newest <= ring.first || ring.newestTime < ring.beforeTime);
    },
  };
  return ring;
}
