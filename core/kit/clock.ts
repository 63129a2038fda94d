/** Time as the program sees it: comes in from outside so that a test can run a week in a second. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Unix time in milliseconds, fractional; may step. For timestamps only. */
  now(): number;
  /** Milliseconds that only rise; for durations and deadlines. */
  monotonic(): number;
  /** Calls back once, after at least `milliseconds`. */
  after(milliseconds: number, callback: () => void): Timer;
}

/** The machine's clock; timers don't keep the process alive unless `keepAlive`. */
export function createSystemClock(options: { readonly keepAlive?: boolean } = {}): Clock {
  let offset = Date.now() - performance.now();
  return {
    /** The wall clock's milliseconds with a fraction from the steady clock; follows the wall clock when it is set. */
    now() {
      const steady = performance.now();
      const wall = Date.now();
      const exact = steady + offset;
      if (exact >= wall && exact < wall + 1) return exact;
      offset = wall - steady;
      return wall;
    },
    monotonic: () => performance.now(),
    after(milliseconds, callback) {
      const handle = setTimeout(callback, milliseconds);
      if (options.keepAlive === false) handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}

/** Resolves after the given time, or at once when the signal aborts. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const timer = clock.after(milliseconds, finish);
    function finish(): void {
      timer.cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    }
    signal?.addEventListener("abort", finish, { once: true });
  });
}

/** Calls back at every multiple of the period on the wall clock; a tick that comes late is not made up for. */
export function every(clock: Clock, periodMilliseconds: number, callback: () => void): Timer {
  let cancelled = false;
  let timer: Timer = schedule();
  function schedule(): Timer {
    const untilBoundary = periodMilliseconds - (clock.now() % periodMilliseconds);
    // Timers may fire a little early; the boundary that is all but here has had its call.
    const early = Math.min(2, periodMilliseconds / 4);
    const untilNext = untilBoundary < early ? untilBoundary + periodMilliseconds : untilBoundary;
    return clock.after(untilNext, () => {
      if (cancelled) return;
      timer = schedule();
      callback();
    });
  }
  return {
    cancel() {
      cancelled = true;
      timer.cancel();
    },
  };
}
