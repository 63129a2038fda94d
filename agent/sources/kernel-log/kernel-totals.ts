/** Counts of faults by kind from zero, and when each was last logged. */
import * as catalog from "../../../core/catalog/kernel-log.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { everyKind } from "./find-fault.ts";
import type { Finding } from "./finding.ts";

export interface KernelTotals {
  /** A fault from before the agent's start is remembered, but not counted. */
  note(finding: Finding, timeMilliseconds: number, counts: boolean): void;
  register(slots: SlotRegistrar, host: Device): void;
  write(column: Float64Array, log: { readonly lost: number; readonly repeated: number }): void;
}

interface Total {
  count: number;
  /** Unix seconds; NaN before the first. */
  lastSeconds: number;
  countSlot: number;
  lastSlot: number;
}

export function createKernelTotals(): KernelTotals {
  const totals = new Map<string, Total>(
    everyKind().map(({ kind, severity }) => [
      `${kind} ${severity}`,
      { count: 0, lastSeconds: Number.NaN, countSlot: -1, lastSlot: -1 },
    ]),
  );
  let lostSlot = -1;
  let repeatedSlot = -1;

  return {
    note({ kind, severity }, timeMilliseconds, counts) {
      const total = totals.get(`${kind} ${severity}`);
      if (!total) return;
      if (counts) total.count += 1;
      const earlier = Number.isNaN(total.lastSeconds) ? 0 : total.lastSeconds;
      total.lastSeconds = Math.max(earlier, timeMilliseconds / 1000);
    },
    register(slots, host) {
      for (const { kind, severity } of everyKind()) {
        const total = totals.get(`${kind} ${severity}`);
        if (!total) continue;
        total.countSlot = slots.slot(catalog.kernelEvents, { kind, severity }, host);
        total.lastSlot = slots.slot(catalog.kernelLastEvent, { kind, severity }, host);
      }
      lostSlot = slots.slot(catalog.kernelLostRecords, {}, host);
      repeatedSlot = slots.slot(catalog.kernelRepeatedEvents, {}, host);
    },
    write(column, { lost, repeated }) {
      for (const { count, lastSeconds, countSlot, lastSlot } of totals.values()) {
        column[countSlot] = count;
        column[lastSlot] = lastSeconds;
      }
      column[lostSlot] = lost;
      column[repeatedSlot] = repeated;
    },
  };
}
