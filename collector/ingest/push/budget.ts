/**
 * What each sender may use of the collector: buckets of bytes, requests and processor time that fill at a steady rate, so
 * that one who sends without measure waits while its neighbours don't. Who is over its budget is answered late, which holds it back.
 */
import type { Clock } from "../../../core/kit/clock.ts";

export interface BudgetLimits {
  readonly bytesPerSecond: number;
  /** Milliseconds of the collector's one thread in a second. */
  readonly workPerSecond: number;
  readonly requestsPerSecond: number;
  /** How many seconds' worth may be used at once. */
  readonly burstSeconds: number;
  readonly senders: number;
  /** Requests of one sender that are in hand at the same time. */
  readonly requestsInHand: number;
  /** Those that are only held back among them. */
  readonly requestsHeld: number;
}

/** A node of 2,500 series that is sampled every second takes a millisecond of work; a hundredth of what it may. */
export const defaultBudgetLimits: BudgetLimits = {
  bytesPerSecond: 1024 * 1024,
  workPerSecond: 100,
  requestsPerSecond: 50,
  burstSeconds: 4,
  senders: 20_000,
  requestsInHand: 8,
  requestsHeld: 64,
};

export interface Budget {
  /** Milliseconds until the sender may ask again; 0: it may now, and one request is taken from it. */
  ask(sender: string, bytes: number): number;
  /** What a request cost is known only when it is done: it is owed. */
  charge(sender: string, workMilliseconds: number): void;
  /** `no`: the sender has too many requests in hand even to be held back. The others must be followed by `leave`. */
  enter(sender: string): "yes" | "hold" | "no";
  leave(sender: string): void;
}

interface Account {
  /** Seconds of its rate that each may use; below 0 it owes. */
  bytes: number;
  work: number;
  requests: number;
  filledAt: number;
  inHand: number;
}

/** The first request of a node is dear: its schema is read, and every rule bound to it. */
const longestDebtSeconds = 1;

export function createBudget(clock: Clock, limits: BudgetLimits = defaultBudgetLimits): Budget {
  const accounts = new Map<string, Account>();
  const full = limits.burstSeconds;

  function accountOf(sender: string): Account {
    const now = clock.monotonic();
    let account = accounts.get(sender);
    if (!account) {
      const oldest = accounts.keys().next();
      if (accounts.size >= limits.senders && oldest.done !== true) accounts.delete(oldest.value);
      account = { bytes: full, work: full, requests: full, filledAt: now, inHand: 0 };
      accounts.set(sender, account);
    }
    const passed = (now - account.filledAt) / 1000;
    account.filledAt = now;
    account.bytes = Math.min(full, account.bytes + passed);
    account.work = Math.min(full, account.work + passed);
    account.requests = Math.min(full, account.requests + passed);
    return account;
  }

  return {
    ask(sender, bytes) {
      const account = accountOf(sender);
      const least = Math.min(account.bytes, account.work, account.requests);
      if (least <= 0) return Math.ceil(-least * 1000) + 1000 / limits.requestsPerSecond;
      account.bytes -= bytes / limits.bytesPerSecond;
      account.requests -= 1 / limits.requestsPerSecond;
      return 0;
    },
    charge(sender, workMilliseconds) {
      const account = accountOf(sender);
      const left = account.work - workMilliseconds / limits.workPerSecond;
      account.work = Math.max(left, -longestDebtSeconds);
    },
    enter(sender) {
      const account = accountOf(sender);
      if (account.inHand >= limits.requestsHeld) return "no";
      account.inHand += 1;
      return account.inHand > limits.requestsInHand ? "hold" : "yes";
    },
    leave(sender) {
      const account = accounts.get(sender);
      if (account) account.inHand = Math.max(0, account.inHand - 1);
    },
  };
}
