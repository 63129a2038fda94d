/** Seeded randomness: one independent SplitMix-style stream per index, so that what happens to one GPU never shifts another's numbers. */
import { naturalLogarithm } from "./arithmetic.ts";

export interface RandomStreams {
  /** An integer in [0, 2^32). */
  integer(stream: number): number;
  /** In [0, 1). */
  uniform(stream: number): number;
  /** Mean 0, standard deviation 1, within ±3.5: four bytes of one draw, summed. */
  normal(stream: number): number;
  /** Mean 1: the waiting time to the next event of a Poisson process of rate 1. */
  exponential(stream: number): number;
}

const goldenGamma = 0x9e3779b9;

/** Streams differ in their start and in their (odd) increment, so no two run over the same sequence. */
export function createRandomStreams(seed: number, purpose: string, count: number): RandomStreams {
  const states = new Uint32Array(count);
  const gammas = new Uint32Array(count);
  let root = mix(seed >>> 0) ^ mix(Math.floor(seed / 2 ** 32) + 0x7f4a7c15);
  for (let index = 0; index < purpose.length; index += 1)
    root = mix(root ^ Math.imul(purpose.charCodeAt(index) + index, goldenGamma));
  for (let stream = 0; stream < count; stream += 1) {
    states[stream] = mix(root + Math.imul(stream + 1, goldenGamma));
    gammas[stream] = mix(root ^ Math.imul(stream + 1, 0x85ebca6b)) | 1;
  }

  function integer(stream: number): number {
    const next = (states[stream]! + gammas[stream]!) >>> 0;
    states[stream] = next;
    return mix(next);
  }
  const uniform = (stream: number): number => integer(stream) / 2 ** 32;
  return {
    integer,
    uniform,
    normal(stream) {
      const bits = integer(stream);
      const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
      // Four uniform bytes have mean 510 and variance 4 · (256² − 1) / 12.
      return (sum - 510) / 147.800_5;
    },
    exponential: (stream) => -naturalLogarithm((integer(stream) + 1) / 2 ** 32),
  };
}

/** The 32-bit finaliser of MurmurHash3. */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
