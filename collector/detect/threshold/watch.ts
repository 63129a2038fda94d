/** Which of an origin's rules a frame is about: those that read a slot that changed, and those that wait for time to pass. */
import type { OriginState } from "../../origin.ts";

export interface Watch {
  /** A byte per rule: 1 where it has to be judged with this frame. */
  readonly due: Uint8Array;
  /** Finds the rules that are due; all of them when `isAll`. */
  look(state: OriginState, isAll: boolean): void;
  /** The rule has to be judged with the next frame, whatever changes. */
  keepDue(rule: number, isDue: boolean): void;
}

/** By the slots that each rule reads. */
export function createWatch(reads: readonly ReadonlySet<number>[]): Watch {
  const due = new Uint8Array(reads.length).fill(1);
  const busy = new Uint8Array(reads.length).fill(1);
  const readers = listReaders(reads);
  let revision = -1;
  return {
    due,
    look(state, isAll) {
      const isNext = state.revision === revision + 1;
      revision = state.revision;
      if (isAll || !isNext || !state.complete) due.fill(1);
      else {
        due.set(busy);
        findDue(readers, state.changed, due);
      }
    },
    keepDue(rule, isDue) {
      busy[rule] = isDue ? 1 : 0;
    },
  };
}

interface Readers {
  readonly places: Uint32Array;
  readonly bits: Uint8Array;
  readonly rules: Uint16Array;
}

function findDue({ places, bits, rules }: Readers, changed: Uint8Array, due: Uint8Array): void {
  for (let index = 0; index < places.length; index += 1)
    if ((changed[places[index]!]! & bits[index]!) !== 0) due[rules[index]!] = 1;
}

/** Side by side, in the order of the bitmap: a byte of it, the bits in it that a rule reads, and the rule. */
function listReaders(reads: readonly ReadonlySet<number>[]): Readers {
  const readers = reads.flatMap((slots, rule) => {
    const bits = new Map<number, number>();
    for (const slot of slots) bits.set(slot >> 3, (bits.get(slot >> 3) ?? 0) | (1 << (slot & 7)));
    return Array.from(bits, ([place, own]) => ({ place, bits: own, rule }));
  });
  readers.sort((one, other) => one.place - other.place);
  return {
    places: Uint32Array.from(readers, ({ place }) => place),
    bits: Uint8Array.from(readers, ({ bits }) => bits),
    rules: Uint16Array.from(readers, ({ rule }) => rule),
  };
}
