/** Processor time from /proc/stat, as proc(5) tells it: one line per processor, in hundredths of a second. */
import { join } from "node:path";
import { cpuGuestSeconds, cpuSeconds } from "../../../core/catalog/cpu.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Source } from "../source.ts";
import type { FileShare } from "./kept-file.ts";
import type { LinePlanner } from "./line-table.ts";
import type { HostOptions } from "./options.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

/** The order in which the kernel prints them; the last two are guests' time, which user and nice hold too. */
const modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"] as const;
const guestModes = ["user", "nice"] as const;
const idleField = modes.indexOf("idle");
/** The unit in which the kernel tells times to programs, on every architecture that this agent runs on. */
const ticksPerSecond = 100;
/** Idle time that falls by so much means the processor was taken out and came back. */
const restartSeconds = 3;

export function createCpuSource(share: FileShare, { guest }: HostOptions["cpu"]): Source {
  return {
    name: "cpu",
    metrics: [cpuSeconds, cpuGuestSeconds],
    sampling: "fast",
    open({ env }) {
      const path = join(env.paths.procfs, "stat");
      const file = share.open(path, env.clock);
      if (!file) return absent(missing("cpu", env.paths, path));
      let processors: number[][] = [];
      let highest = new Float64Array(0);
      return createTableReader(file, {
        plan(slots) {
          processors = [];
          highest = new Float64Array(0);
          return planProcessors(slots, processors, guest);
        },
        finish(column) {
          if (highest.length !== column.length) highest = new Float64Array(column.length);
          holdMonotonic(column, processors, highest);
        },
      });
    },
  };
}

function planProcessors(slots: SlotRegistrar, processors: number[][], guest: boolean): LinePlanner {
  return (line) => {
    const match = /^cpu(\d+) /.exec(line);
    if (!match?.[1]) {
      const key = /^\S+ /.exec(line)?.[0];
      return key === undefined ? null : { keyBytes: key.length, slots: [] };
    }
    const cpu = match[1];
    const fields = line.trim().split(/\s+/).length - 1;
    const own = [
      ...modes.map((mode) => slots.slot(cpuSeconds, { cpu, mode })),
      ...(guest ? guestModes : []).map((mode) => slots.slot(cpuGuestSeconds, { cpu, mode })),
    ].slice(0, Math.max(fields, modes.length));
    processors.push(own);
    return { keyBytes: match[0].length, slots: own, divisor: ticksPerSecond };
  };
}

/**
 * The kernel's idle and iowait times fall now and then by a few ticks, which rate() would take for a restart: a fall is
 * held at the highest value seen, unless idle says that the processor really started anew.
 */
function holdMonotonic(
  column: Float64Array,
  processors: readonly (readonly number[])[],
  highest: Float64Array,
): void {
  // By index: an iterator makes an object for each step, thousands a second on a large machine.
  for (let processor = 0; processor < processors.length; processor += 1) {
    const own = processors[processor] ?? [];
    const idle = own[idleField] ?? -1;
    const restarted = (highest[idle] ?? 0) - (column[idle] ?? 0) >= restartSeconds;
    for (let mode = 0; mode < own.length; mode += 1) {
      const slot = own[mode] ?? -1;
      const value = column[slot] ?? Number.NaN;
      const before = highest[slot] ?? 0;
      if (value >= before || (restarted && !Number.isNaN(value))) highest[slot] = value;
      else if (value < before) column[slot] = before;
    }
  }
}
