/** Random numbers from a seed (mulberry32), so that a failing run can be planned again. */

export interface Random {
  /** A whole number from 0 to just under the limit. */
  below(limit: number): number;
  /** A number between the two. */
  between(low: number, high: number): number;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    below: (limit) => Math.floor(next() * limit),
    between: (low, high) => low + next() * (high - low),
  };
}
