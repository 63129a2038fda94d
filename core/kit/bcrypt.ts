/**
 * Checks a password against bcrypt's hash (Provos and Mazières, "A Future-Adaptable Password Scheme", 1999), as
 * Prometheus' web configuration files hold them. Node.js has none, and it is too little for a dependency.
 */
import { timingSafeEqual } from "node:crypto";

export interface BcryptHash {
  /** The rounds are two to the power of it. */
  readonly cost: number;
  readonly salt: Buffer;
  readonly digest: Buffer;
}

/** One more doubles the time: this is three seconds of a core for a caller's first request. */
export const maximumCost = 15;
const minimumCost = 4;
const digestBytes = 23;
/** Of a password's bytes no more counts, its closing zero included. */
const maximumKeyBytes = 72;
/** A few milliseconds; then others have their turn. */
const roundsAtATime = 32;
const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** `$2y$10$`, 22 characters of salt, 31 of digest; null for anything else, and for a cost that nobody should wait for. */
export function parseBcrypt(text: string): BcryptHash | null {
  const match = /^\$2[aby]?\$(\d\d)\$([./a-z0-9]{22})([./a-z0-9]{31})$/i.exec(text);
  const [, cost = "", salt = "", digest = ""] = match ?? [];
  if (!match || Number(cost) < minimumCost || Number(cost) > maximumCost) return null;
  return { cost: Number(cost), salt: decode(salt), digest: decode(digest) };
}

/** Gives way to others while it reckons. */
export async function matchesBcrypt(
  password: string,
  { cost, salt, digest }: BcryptHash,
): Promise<boolean> {
  const bytes = Buffer.from(`${password}\0`, "utf8").subarray(0, maximumKeyBytes);
  const state = initialState().slice();
  const key = wordsOf(bytes);
  const salted = wordsOf(salt);
  expand(state, key, salted);
  for (let round = 0; round < 2 ** cost; round += 1) {
    expand(state, key, null);
    expand(state, salted, null);
    if (round % roundsAtATime === 0) await new Promise(setImmediate);
  }
  return timingSafeEqual(encipherName(state).subarray(0, digestBytes), digest);
}

function decode(text: string): Buffer {
  const plain = text.replaceAll(/./g, (letter) => base64[alphabet.indexOf(letter)] ?? "");
  return Buffer.from(plain, "base64");
}

/** As Blowfish takes a key: from its beginning again as often as it takes to fill the subkeys. */
function wordsOf(bytes: Buffer): Int32Array {
  const words = new Int32Array(subkeys);
  for (let index = 0; index < subkeys * 4; index += 1)
    words[index >> 2] = ((words[index >> 2] ?? 0) << 8) | (bytes[index % bytes.length] ?? 0);
  return words;
}

function encipherName(state: Int32Array): Buffer {
  const text = Buffer.from("OrpheanBeholderScryDoubt");
  for (let at = 0; at < text.length; at += 8) {
    const halves = Int32Array.of(text.readInt32BE(at), text.readInt32BE(at + 4));
    for (let time = 0; time < 64; time += 1) encipher(state, halves);
    text.writeInt32BE(halves[0] ?? 0, at);
    text.writeInt32BE(halves[1] ?? 0, at + 4);
  }
  return text;
}

// Blowfish (Schneier, 1993): 18 subkeys, then four boxes of 256 words, all in one array.
const subkeys = 18;
const boxWords = 256;
const stateWords = subkeys + 4 * boxWords;

/** The key goes over the subkeys; then subkeys and boxes become what the cipher makes of the salt, again and again. */
function expand(state: Int32Array, key: Int32Array, salt: Int32Array | null): void {
  for (let index = 0; index < subkeys; index += 1)
    state[index] = (state[index] ?? 0) ^ (key[index] ?? 0);
  const halves = new Int32Array(2);
  for (let index = 0; index < stateWords; index += 2) {
    if (salt) {
      // Of the salt's 16 bytes the first and the second half in turn.
      halves[0] = (halves[0] ?? 0) ^ (salt[index & 2] ?? 0);
      halves[1] = (halves[1] ?? 0) ^ (salt[(index & 2) + 1] ?? 0);
    }
    encipher(state, halves);
    state[index] = halves[0] ?? 0;
    state[index + 1] = halves[1] ?? 0;
  }
}

function encipher(state: Int32Array, halves: Int32Array): void {
  let left = (halves[0] ?? 0) ^ (state[0] ?? 0);
  let right = halves[1] ?? 0;
  for (let round = 1; round <= 16; round += 2) {
    right ^= mix(state, left) ^ (state[round] ?? 0);
    left ^= mix(state, right) ^ (state[round + 1] ?? 0);
  }
  halves[0] = right ^ (state[subkeys - 1] ?? 0);
  halves[1] = left;
}

function mix(state: Int32Array, word: number): number {
  const first = state[subkeys + (word >>> 24)] ?? 0;
  const second = state[subkeys + boxWords + ((word >>> 16) & 255)] ?? 0;
  const third = state[subkeys + 2 * boxWords + ((word >>> 8) & 255)] ?? 0;
  const fourth = state[subkeys + 3 * boxWords + (word & 255)] ?? 0;
  return (((first + second) ^ third) + fourth) | 0;
}

let known: Int32Array | null = null;

/** Blowfish begins with the bits of pi behind the point. */
function initialState(): Int32Array {
  if (known) return known;
  const bits = BigInt(stateWords * 32);
  // What division cuts off gathers in bits that nobody reads.
  const spare = 64n;
  const one = 1n << (bits + spare);
  // Machin, 1706.
  const pi = 16n * inverseTangent(5n, one) - 4n * inverseTangent(239n, one);
  const hexadecimal = ((pi - 3n * one) >> spare).toString(16).padStart(stateWords * 8, "0");
  known = Int32Array.from({ length: stateWords }, (_, index) =>
    Number.parseInt(hexadecimal.slice(index * 8, index * 8 + 8), 16),
  );
  return known;
}

/** arctan(1/x) = 1/x - 1/3x³ + 1/5x⁵ - …, in units of `one`. */
function inverseTangent(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let divisor = 3n, sign = -1n; power > 0n; divisor += 2n, sign = -sign) {
    power /= x * x;
    sum += (sign * power) / divisor;
  }
  return sum;
}
