/** How often an address may be wrong: a bounded table of failed attempts per address and minute. */
import type { Clock } from "./clock.ts";

export interface AttemptLimit {
  isBlocked(address: string): boolean;
  failed(address: string): void;
}

interface Attempts {
  count: number;
  readonly since: number;
}

const windowMilliseconds = 60_000;
const maximumFailures = 10;
const maximumAddresses = 1000;

export function createAttemptLimit(clock: Clock): AttemptLimit {
  const table = new Map<string, Attempts>();
  const current = (key: string): Attempts | null => {
    const entry = table.get(key);
    if (entry && clock.monotonic() - entry.since < windowMilliseconds) return entry;
    table.delete(key);
    return null;
  };
  return {
    isBlocked: (address) => (current(networkOf(address))?.count ?? 0) >= maximumFailures,
    failed(address) {
      const key = networkOf(address);
      const entry = current(key);
      if (entry) {
        entry.count += 1;
        return;
      }
      // The longest known goes first: whoever floods the table pushes out its own early entries.
      const oldest = table.keys().next();
      if (table.size >= maximumAddresses && oldest.done !== true) table.delete(oldest.value);
      table.set(key, { count: 1, since: clock.monotonic() });
    },
  };
}

/** IPv6 callers own a /64 at least and could send from a new address each time: the network counts. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":") || address === "::1") return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeros).fill("0"), ...right].slice(0, 4).join(":");
}
