/** Bounded containers: nothing in the product grows without a limit, and what a limit drops is counted. */

export interface BoundedQueue<Item> {
  readonly length: number;
  /** Items dropped because the queue was full. */
  readonly dropped: number;
  /** Adds at the end; when full the oldest goes. */
  push(item: Item): void;
  shift(): Item | undefined;
  /** Takes everything out, oldest first. */
  drain(): Item[];
  /** What is in it, oldest first, left where it is. */
  peek(): readonly Item[];
}

export function createBoundedQueue<Item>(capacity: number): BoundedQueue<Item> {
  let items: Item[] = [];
  let dropped = 0;
  return {
    get length() {
      return items.length;
    },
    get dropped() {
      return dropped;
    },
    push(item) {
      if (items.length >= capacity) {
        items.shift();
        dropped += 1;
      }
      items.push(item);
    },
    shift: () => items.shift(),
    drain() {
      const all = items;
      items = [];
      return all;
    },
    peek: () => items,
  };
}
