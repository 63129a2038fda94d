/** Long work over many small files, done a little in each round: the agent's loop is held for a few milliseconds at a time. */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Clock } from "../../../core/kit/clock.ts";

/** After so long others get their turn. */
const sliceMilliseconds = 3;

/**
 * Calls `step` until it says that nothing is left to do, the round's time is used up or the signal aborts.
 * True when nothing is left.
 */
export async function workInSlices(
  clock: Clock,
  roundMilliseconds: number,
  signal: AbortSignal,
  step: () => boolean,
): Promise<boolean> {
  let worked = 0;
  while (!signal.aborted && worked < roundMilliseconds) {
    const start = clock.monotonic();
    let elapsed = 0;
    while (elapsed < sliceMilliseconds) {
      if (!step()) return true;
      elapsed = clock.monotonic() - start;
    }
    worked += elapsed;
    await yieldToOthers();
  }
  return false;
}
