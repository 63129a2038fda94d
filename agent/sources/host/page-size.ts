/** The size of a memory page, from what the kernel told this process when it started: AT_PAGESZ of getauxval(3). */
import { readFileSync } from "node:fs";

const pageSizeKey = 6n;
const commonPageSize = 4096;

let known = 0;

/** 4096 on most machines, 65536 on some with Arm processors; the process's own kernel is the host's. */
export function pageSize(): number {
  known ||= readPageSize();
  return known;
}

function readPageSize(): number {
  try {
    const pairs = readFileSync("/proc/self/auxv");
    for (let at = 0; at + 16 <= pairs.length; at += 16)
      if (pairs.readBigUInt64LE(at) === pageSizeKey) return Number(pairs.readBigUInt64LE(at + 8));
  } catch {
    // Where a process may not see itself, the size that most machines have stands in.
  }
  return commonPageSize;
}
