/** What a process costs, as the kernel accounts for it: nanoseconds on a processor from /proc/PID/task/TID/schedstat, and memory. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in these for every program (USER_HZ). */
const ticksPerSecond = 100;

export interface Memory {
  readonly residentBytes: number;
  /** Its own, not shared with the program file. */
  readonly anonymousBytes: number;
}

/** Processor time of all threads that live, in milliseconds. */
export function processorMilliseconds(pid: number): number {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      const line = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1");
      nanoseconds += Number(line.split(" ")[0]);
    } catch {
      // The thread ended between the listing and the reading.
    }
  }
  return nanoseconds / 1e6;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kibibytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
  return {
    residentBytes: kibibytes("VmRSS") * 1024,
    anonymousBytes: kibibytes("RssAnon") * 1024,
  };
}

/** What memory it has to itself, and its part of what it shares, as the kernel adds it up. */
export function proportionalBytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN) * 1024;
}

/** Processor time of the process and those it started, living and dead threads together; in steps of 10 ms. */
export function treeMilliseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime, stime, and of children that ended cutime and cstime.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").split(" ").filter(Boolean),
  );
  return (
    (ticks * 1000) / ticksPerSecond +
    children.reduce((sum, child) => sum + treeMilliseconds(Number(child)), 0)
  );
}
