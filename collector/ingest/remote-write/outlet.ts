/**
 * Where the samples of remote-write and OTLP go out as partial frames, to history and to the door. Requests that are read in
 * the same turn of the event loop may share a frame: a sender with many connections splits one moment of a target over several.
 */
import type { Clock } from "../../../core/kit/clock.ts";
import type { Frame } from "../../../core/wire/frame.ts";
import type { PushedDoor } from "../door.ts";
import type { RemoteOrigin } from "./registry.ts";

export interface OutletOptions {
  readonly clock: Clock;
  readonly door: PushedDoor;
  /** Null where no history is kept. */
  readonly append: ((frame: Frame) => Promise<void>) | null;
  /** For who keeps the past elsewhere: what is too old for the door. */
  readonly late: (frame: Frame) => void;
  /** What is older goes to history alone. */
  readonly lateMilliseconds: number;
  /** False: what a request brought is sent before `sent` returns. */
  readonly gathers: boolean;
}

export interface Outlet {
  /** Before samples of that time are written into the origin's column: what it holds of another is sent. */
  makeRoom(origin: RemoteOrigin, timeMilliseconds: number): void;
  /** The column holds samples of that time now. */
  hold(origin: RemoteOrigin, timeMilliseconds: number): void;
  /** Settles when all that was ever held is on disk or, where no history is kept, was judged. */
  sent(): Promise<unknown>;
  /** Sends what is held. */
  flush(): void;
}

/** Frames that go out together, and whose senders are answered together. */
interface Round {
  readonly origins: RemoteOrigin[];
  readonly appended: Promise<void>[];
  readonly done: PromiseWithResolvers<unknown>;
}

export function createOutlet(options: OutletOptions): Outlet {
  const { clock, door, append, late } = options;
  let round: Round | null = null;
  /** A repeated sample is as durable as its first sending. */
  let last: Promise<unknown> = Promise.resolve();

  function begin(): Round {
    const done = Promise.withResolvers<unknown>();
    last = done.promise;
    if (options.gathers) setImmediate(flush);
    return { origins: [], appended: [], done };
  }

  function flush(): void {
    if (round === null) return;
    const { origins, appended, done } = round;
    for (const origin of origins) if (origin.heldMilliseconds !== 0) send(origin, appended);
    done.resolve(Promise.all(appended));
    round = null;
  }

  function send(origin: RemoteOrigin, appended: Promise<void>[]): void {
    const { schema, values, present, heldMilliseconds } = origin;
    origin.sequence += 1;
    origin.heldMilliseconds = 0;
    const { sequence } = origin;
    const timestamps = Float64Array.of(heldMilliseconds);
    const kept = keep({ schema, sequence, timestamps, values, present, complete: false });
    // Told to all whose samples are in the round, once it is over.
    kept.catch(nothing);
    appended.push(kept);
    present.fill(0);
  }

  async function keep(frame: Frame): Promise<void> {
    const stored = append?.(frame);
    if (frame.timestamps[0]! >= clock.now() - options.lateMilliseconds) door.accept(frame);
    else late(frame);
    await stored;
  }

  return {
    makeRoom(origin, timeMilliseconds) {
      const held = origin.heldMilliseconds;
      if (round !== null && held !== 0 && held !== timeMilliseconds) send(origin, round.appended);
    },
    hold(origin, timeMilliseconds) {
      round ??= begin();
      if (origin.heldMilliseconds === 0) round.origins.push(origin);
      origin.heldMilliseconds = timeMilliseconds;
    },
    sent() {
      if (!options.gathers) flush();
      return last;
    },
    flush,
  };
}

function nothing(): void {}
