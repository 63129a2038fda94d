/** Room on the disk: history stops before it is full, so that what is left is for alerts. Truth: statfs(2). */
import { statfsSync } from "node:fs";
import type { Clock } from "../../core/kit/clock.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";

/** Throws STATE_UNUSABLE, caused by ENOSPC, where history must not write. */
export type CheckRoom = () => void;

/** Three times what state sets aside: once to go on with, once to set it aside again, and once for others. */
const leastBytes = 48 * 2 ** 20;
/** Of a small disk, as much of it. */
const leastShare = 0.1;
const lookMilliseconds = 1000;

export function createRoomCheck(folder: string, clock: Clock, bytes = leastBytes): CheckRoom {
  let [free, needed] = [Infinity, 0];
  let lookedAt = -Infinity;
  return () => {
    const now = clock.monotonic();
    if (free < needed || now - lookedAt >= lookMilliseconds) {
      lookedAt = now;
      const { bavail, blocks, bsize } = statfsSync(folder);
      free = bavail * bsize;
      needed = Math.min(bytes, blocks * bsize * leastShare);
    }
    if (free >= needed) return;
    const mebibytes = (of: number): number => Math.floor(of / 2 ** 20);
    const sentence = `the disk has ${mebibytes(free)} MiB left, and the last ${mebibytes(needed)} are for alerts`;
    const cause = Object.assign(new Error("no space left for history"), { code: "ENOSPC" });
    throw new WarpwatchError("STATE_UNUSABLE", sentence, { cause });
  };
}
