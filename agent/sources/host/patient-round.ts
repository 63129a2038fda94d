/**
 * A round over values that drivers fetch from hardware. Each is read by another thread at first; what answers in no time
 * is read in place from then on, what was slow once stays apart. One is read apart at a time, and none is waited for
 * longer than its time.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Clock } from "../../../core/kit/clock.ts";

export interface PatientEntry {
  /** Reads now, in this thread. */
  readNow(): number;
  /** Reads in another thread; never rejects. */
  readApart(): Promise<number>;
  /** Set here, by how long its reads took. */
  pace: "new" | "quick" | "slow";
  value: number;
}

export interface PatientRounds {
  /** Brings the values of the entries up to date; what could not be read in time is NaN. */
  run(entries: readonly PatientEntry[], signal: AbortSignal): Promise<void>;
  /** Reads that have not come back: never more than one. */
  readonly outstanding: number;
}

/** One that took longer is slow for good: what is quick between two slow reads was remembered, not fetched. */
const slowMilliseconds = 20;
/** After so long others get their turn. */
const sliceMilliseconds = 5;
/** A read apart is given up for this round after so long, and no other is begun until it came back. */
const deadlineMilliseconds = 1000;
/** All reads apart of a round together: those that are left have their turn in the next. */
const budgetMilliseconds = 3000;

export function createPatientRounds(clock: Clock): PatientRounds {
  let outstanding = 0;
  /** Where the next round begins among those that are read apart. */
  let turn = 0;

  async function readQuick(entries: readonly PatientEntry[], signal: AbortSignal): Promise<void> {
    let sliceEnd = clock.monotonic() + sliceMilliseconds;
    for (const entry of entries) {
      const before = clock.monotonic();
      entry.value = entry.readNow();
      const after = clock.monotonic();
      if (after - before > slowMilliseconds) entry.pace = "slow";
      if (after < sliceEnd) continue;
      await yieldToOthers();
      if (signal.aborted) return;
      sliceEnd = clock.monotonic() + sliceMilliseconds;
    }
  }

  async function readApart(entries: readonly PatientEntry[], signal: AbortSignal): Promise<void> {
    const end = clock.monotonic() + budgetMilliseconds;
    for (const entry of entries) entry.value = Number.NaN;
    for (let count = 0; count < entries.length; count += 1) {
      const entry = entries[turn % entries.length];
      if (outstanding > 0 || signal.aborted || clock.monotonic() > end || !entry) return;
      turn += 1;
      entry.value = await readInTime(entry);
    }
  }

  function readInTime(entry: PatientEntry): Promise<number> {
    const before = clock.monotonic();
    outstanding += 1;
    return new Promise((resolve) => {
      const timer = clock.after(deadlineMilliseconds, () => resolve(Number.NaN));
      void entry.readApart().then((value) => {
        outstanding -= 1;
        timer.cancel();
        const took = clock.monotonic() - before;
        if (took > slowMilliseconds) entry.pace = "slow";
        else if (entry.pace === "new") entry.pace = "quick";
        resolve(value);
      });
    });
  }

  return {
    get outstanding() {
      return outstanding;
    },
    async run(entries, signal) {
      const apart = entries.filter(({ pace }) => pace !== "quick");
      await readQuick(
        apart.length === 0 ? entries : entries.filter(({ pace }) => pace === "quick"),
        signal,
      );
      if (apart.length > 0) await readApart(apart, signal);
    },
  };
}
