/** Processes and threads by state from /proc/<pid>/stat and /proc/<pid>/task, as proc(5) has them, and their limits. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import * as tasks from "../../../core/catalog/tasks.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { readFact } from "./kept-file.ts";
import { missing } from "./missing.ts";

/** Every state that a kernel since 2.6.33 has: fs/proc/array.c. */
const states = "R S D T t X Z P I K W x".split(" ");
/** After so long others get their turn. */
const sliceMilliseconds = 5;
const buffer = Buffer.allocUnsafeSlow(1024);

interface Task {
  readonly state: string;
  readonly threads: number;
}

export const processesSource: Source = {
  name: "processes",
  metrics: [
    tasks.processStates,
    tasks.processIds,
    tasks.processIdsMaximum,
    tasks.threads,
    tasks.threadsMaximum,
    tasks.threadStates,
  ],
  // A file is opened per process and per thread.
  sampling: "steady",
  open({ env }) {
    const { procfs } = env.paths;
    if (numberedIn(procfs).length === 0) return absent(missing("processes", env.paths, procfs));
    return createProcessesReader(procfs, env.clock);
  },
};

function createProcessesReader(procfs: string, clock: Clock): Reader {
  let processSlots: readonly number[] = [];
  let threadSlots: readonly number[] = [];
  let single: readonly number[] = [];

  return {
    register(slots) {
      processSlots = states.map((state) => slots.slot(tasks.processStates, { state }));
      threadSlots = states.map((state) => slots.slot(tasks.threadStates, { thread_state: state }));
      single = [tasks.processIds, tasks.threads, tasks.processIdsMaximum, tasks.threadsMaximum].map(
        (metric) => slots.slot(metric, {}),
      );
    },
    async read(column, signal) {
      const processes = new Map<string, number>();
      const threads = new Map<string, number>();
      let count = 0;
      let threadCount = 0;
      let sliceEnd = clock.monotonic() + sliceMilliseconds;
      for (const id of numberedIn(procfs)) {
        const task = readTask(join(procfs, id, "stat"));
        // Processes end between the listing and the reading.
        if (!task) continue;
        count += 1;
        threadCount += task.threads;
        add(processes, task.state);
        countThreads(threads, join(procfs, id, "task"), id, task);
        if (clock.monotonic() < sliceEnd) continue;
        await yieldToOthers();
        if (signal.aborted) return;
        sliceEnd = clock.monotonic() + sliceMilliseconds;
      }
      states.forEach((state, index) => {
        column[processSlots[index] ?? -1] = processes.get(state) ?? Number.NaN;
        column[threadSlots[index] ?? -1] = threads.get(state) ?? Number.NaN;
      });
      const limits = ["pid_max", "threads-max"].map((name) => limitIn(procfs, name));
      [count, threadCount, ...limits].forEach((value, index) => {
        column[single[index] ?? -1] = value;
      });
    },
    close() {
      // Nothing is kept open between readings.
    },
  };
}

/** The first thread is the process itself, whose state is known. */
function countThreads(into: Map<string, number>, folder: string, id: string, task: Task): void {
  if (task.threads <= 1) {
    add(into, task.state);
    return;
  }
  for (const thread of numberedIn(folder)) {
    const state = thread === id ? task.state : readTask(join(folder, thread, "stat"))?.state;
    if (state !== undefined) add(into, state);
  }
}

/** `1 (a name) S …`: the name may hold anything, brackets and blanks too, so that the last bracket counts. */
function readTask(path: string): Task | null {
  const text = readStart(path);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  const threads = Number(fields[17] ?? Number.NaN);
  return states.includes(state) && Number.isInteger(threads) ? { state, threads } : null;
}

function readStart(path: string): string {
  try {
    const descriptor = openSync(path, "r");
    try {
      return buffer.toString("latin1", 0, readSync(descriptor, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "";
  }
}

function numberedIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function limitIn(procfs: string, name: string): number {
  const text = readFact(join(procfs, "sys/kernel", name));
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function add(counts: Map<string, number>, state: string): void {
  counts.set(state, (counts.get(state) ?? 0) + 1);
}
