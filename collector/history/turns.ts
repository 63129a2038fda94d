/** Turns for queries: so many at a time, so many waiting, the others refused. */
import { WarpwatchError } from "../../core/kit/errors.ts";

/** Runs the work when it is its turn. Throws LIMIT_REACHED when too many wait already. */
export type TakeTurn = <Result>(work: () => Promise<Result>) => Promise<Result>;

export function createTurns(maximumRunning: number, maximumWaiting: number): TakeTurn {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function wait(): Promise<void> {
    if (running < maximumRunning) {
      running += 1;
      return;
    }
    if (waiting.length >= maximumWaiting)
      throw new WarpwatchError("LIMIT_REACHED", "too many queries wait already: try again later");
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The place goes straight to the next. */
  function done(): void {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }

  return async (work) => {
    await wait();
    try {
      return await work();
    } finally {
      done();
    }
  };
}
