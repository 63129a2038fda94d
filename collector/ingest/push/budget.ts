/**
 * What each sender may use of the collector: buckets of bytes, frames and requests that fill at a steady rate, so that one
 * who sends without measure waits while its neighbours don't. Who is over its budget is answered late, which holds it back.
 */
import type { Clock } from "../../../core/kit/clock.ts";

export interface BudgetLimits {
  readonly bytesPerSecond: number;
  readonly framesPerSecond: number;
  readonly requestsPerSecond: number;
  /** How many seconds' worth may be used at once. */
  readonly burstSeconds: number;
  readonly senders: number;
  /** Requests of one sender that are in hand at the same time. */
  readonly requestsInHand: number;
}

/** A node that samples every 100 ms and replays at four times that rate, twice over. */
export const defaultBudgetLimits: BudgetLimits = {
  bytesPerSecond: 1024 * 1024,
  framesPerSecond: 100,
  requestsPerSecond: 50,
  burstSeconds: 8,
  senders: 20_000,
  requestsInHand: 8,
};

export interface Budget {
  /** Milliseconds until the sender may ask again; 0: it may now, and one request is taken from it. */
  ask(sender: string, bytes: number): number;
  /** Frames that a request held are known only once it was read: what they cost is owed. */
  charge(sender: string, frames: number): void;
  /** False when the sender has too many requests in hand; true must be followed by `leave`. */
  enter(sender: string): boolean;
  leave(sender: string): void;
}

interface Account {
  /** Seconds of its rate that each may use; below 0 it owes. */
  bytes: number;
  frames: number;
  requests: number;
  filledAt: number;
  inHand: number;
}

export function createBudget(clock: Clock, limits: BudgetLimits = defaultBudgetLimits): Budget {
  const accounts = new Map<string, Account>();
  const full = limits.burstSeconds;

  function accountOf(sender: string): Account {
    const now = clock.monotonic();
    let account = accounts.get(sender);
    if (!account) {
      const oldest = accounts.keys().next();
      if (accounts.size >= limits.senders && oldest.done !== true) accounts.delete(oldest.value);
      account = { bytes: full, frames: full, requests: full, filledAt: now, inHand: 0 };
      accounts.set(sender, account);
    }
    const passed = (now - account.filledAt) / 1000;
    account.filledAt = now;
    account.bytes = Math.min(full, account.bytes + passed);
    account.frames = Math.min(full, account.frames + passed);
    account.requests = Math.min(full, account.requests + passed);
    return account;
  }

  return {
    ask(sender, bytes) {
      const account = accountOf(sender);
      const least = Math.min(account.bytes, account.frames, account.requests);
      if (least <= 0) return Math.ceil(-least * 1000) + 1000 / limits.requestsPerSecond;
      account.bytes -= bytes / limits.bytesPerSecond;
      account.requests -= 1 / limits.requestsPerSecond;
      return 0;
    },
    charge(sender, frames) {
      accountOf(sender).frames -= frames / limits.framesPerSecond;
    },
    enter(sender) {
      const account = accountOf(sender);
      if (account.inHand >= limits.requestsInHand) return false;
      account.inHand += 1;
      return true;
    },
    leave(sender) {
      const account = accounts.get(sender);
      if (account) account.inHand = Math.max(0, account.inHand - 1);
    },
  };
}
