/** What a detector keeps per origin, and how all of it is saved and read back. */
import { packSnapshot, unpackSnapshot } from "./snapshot.ts";

export interface OriginBook<Kept> {
  get(key: string): Kept | undefined;
  set(key: string, kept: Kept): void;
  delete(key: string): void;
  keys(this: void): Iterable<string>;
  values(): Iterable<Kept>;
  sum(of: (kept: Kept) => number): number;
  snapshot(this: void): Uint8Array;
  /** False, and nothing changed, when any part of the bytes can't be used. */
  restore(this: void, bytes: Uint8Array): boolean;
}

export interface OriginForm<Kept> {
  pack(kept: Kept): Uint8Array;
  unpack(bytes: Uint8Array): Kept | null;
}

const version = 1;

export function createOriginBook<Kept>(form: OriginForm<Kept>): OriginBook<Kept> {
  let origins = new Map<string, Kept>();
  return {
    get: (key) => origins.get(key),
    set: (key, kept) => void origins.set(key, kept),
    delete: (key) => void origins.delete(key),
    keys: () => origins.keys(),
    values: () => origins.values(),
    sum(of) {
      let sum = 0;
      for (const kept of origins.values()) sum += of(kept);
      return sum;
    },
    snapshot: () =>
      packSnapshot(
        version,
        [...origins.keys()],
        Array.from(origins.values(), (kept) => form.pack(kept)),
      ),
    restore(bytes) {
      const found = unpackSnapshot(version, bytes);
      if (!found || !Array.isArray(found.header)) return false;
      const restored = new Map<string, Kept>();
      for (const [index, key] of found.header.entries()) {
        const part = found.parts[index];
        const kept = part ? form.unpack(part) : null;
        if (kept === null) return false;
        restored.set(String(key), kept);
      }
      origins = restored;
      return true;
    },
  };
}
