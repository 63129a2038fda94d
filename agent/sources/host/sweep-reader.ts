/**
 * A reader of devices that take long to answer: they are asked one after the other at a pace of their own, slower than
 * the rounds. A round shows what the last answers were; the one that begins to ask waits for new ones only a moment. A
 * device that fails while others answer is shown no more and asked ever more rarely, up to once an hour.
 */
import type { Device } from "../../../core/catalog/device.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import { absent, type Absent, type Reader } from "../source.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";

export interface SweptSample {
  readonly metric: Metric;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface SweptDevice {
  /** Unique among them, and what people call it. */
  readonly name: string;
  readonly part: Device;
  /** Throws when it didn't answer or answered nonsense. Bounded in time by itself. */
  ask(): Promise<readonly SweptSample[]>;
}

export interface SweepOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly periodMilliseconds: number;
  /** Called before each sweep; a device is known by its name from then on. */
  list(): readonly SweptDevice[] | Promise<readonly SweptDevice[]>;
  /** What is told of each device beside its own samples. */
  tellOutcome?(add: AddSample, name: string, outcome: Outcome): void;
}

export interface Outcome {
  readonly answered: boolean;
  /** Unix milliseconds of the answer that is shown; NaN where there is none. */
  readonly answeredAt: number;
}

interface Known {
  device: SweptDevice;
  samples: readonly SweptSample[];
  answeredAt: number;
  /** What was thrown when it was last asked; null where it answered. */
  failure: unknown;
  failuresInARow: number;
  /** Steady milliseconds: when it may be asked again, and until when its answer is shown. */
  dueAt: number;
  freshUntil: number;
}

/** The round that begins a sweep waits so long for it. */
const patienceMilliseconds = 1000;
const periodsShown = 3;
const longestPauseMilliseconds = 3_600_000;

/** As the system and programs say it. */
const forbidden = /\b(EACCES|EPERM|Permission denied|Operation not permitted)\b/;

/** One sample, its labels held to its metric. */
export function sample<Label extends string>(
  metric: Metric<Label>,
  labels: LabelValues<Label>,
  value: number,
): SweptSample {
  return { metric, labels, value };
}

/**
 * Asks all of them once, as far as a moment allows. Absent where the system forbids it for every one; throws what they
 * say where every one fails otherwise.
 */
export async function openSweepReader(
  options: SweepOptions,
  signal: AbortSignal,
): Promise<Reader | Absent> {
  const { clock, log, periodMilliseconds } = options;
  let known = new Map<string, Known>();
  let sweeping: Promise<void> | null = null;
  let sweptAt = -Infinity;
  let listFailure: unknown = null;
  let closed = false;

  const samples = createSampleReader((add) => {
    for (const [name, one] of known) {
      // Before it was first asked there is nothing to say of it.
      if (Number.isNaN(one.answeredAt) && one.failure === null) continue;
      const answered = one.failure === null;
      options.tellOutcome?.(add, name, { answered, answeredAt: one.answeredAt });
      for (const { metric, labels, value } of one.samples)
        add(metric, labels, value, one.device.part);
    }
  });

  async function sweep(): Promise<void> {
    sweptAt = clock.monotonic();
    listFailure = null;
    try {
      known = takeOver(known, await options.list());
    } catch (thrown) {
      listFailure = thrown;
      return;
    }
    for (const one of known.values())
      if (!closed && clock.monotonic() >= one.dueAt) await askOne(one);
  }

  async function askOne(one: Known): Promise<void> {
    const { name } = one.device;
    try {
      one.samples = await one.device.ask();
      one.answeredAt = clock.now();
      one.failure = null;
      one.failuresInARow = 0;
      one.dueAt = clock.monotonic();
      one.freshUntil = one.dueAt + periodsShown * periodMilliseconds;
    } catch (thrown) {
      if (one.failuresInARow === 0)
        log.warn("a device doesn't tell its state; it is asked again, ever more rarely", {
          device: name,
          reason: describeError(thrown),
        });
      one.samples = [];
      one.answeredAt = Number.NaN;
      one.failure = thrown;
      one.failuresInARow += 1;
      const pause = periodMilliseconds * 2 ** Math.min(one.failuresInARow - 1, 20);
      // The longest pause never makes a slow pace faster.
      const longest = Math.max(longestPauseMilliseconds, periodMilliseconds);
      one.dueAt = clock.monotonic() + Math.min(pause, longest);
    }
  }

  /** Throws where there is nothing to show but failures. */
  async function sweepWhenDue(giveUp: AbortSignal): Promise<void> {
    if (!sweeping && clock.monotonic() - sweptAt >= periodMilliseconds) {
      sweeping = sweep().finally(() => {
        sweeping = null;
      });
      await briefly(sweeping, clock, giveUp);
    }
    if (listFailure !== null) throw listFailure;
    const failures = [...known.values()].map(({ failure }) => failure);
    if (failures.length > 0 && failures.every((thrown) => thrown !== null)) throw failures[0];
  }

  try {
    await sweepWhenDue(signal);
  } catch (thrown) {
    const sentence = describeError(thrown);
    if (forbidden.test(sentence))
      return absent(`only root may ask it, and in a container a privileged one: ${sentence}`);
    throw thrown;
  }
  return {
    register: (slots) => samples.register(slots),
    async read(column, readSignal) {
      await sweepWhenDue(readSignal);
      for (const one of known.values()) dropOld(one, clock.monotonic());
      return samples.read(column, readSignal);
    },
    close() {
      closed = true;
    },
  };
}

/** Those that are still there keep their state. */
function takeOver(
  known: ReadonlyMap<string, Known>,
  devices: readonly SweptDevice[],
): Map<string, Known> {
  return new Map(
    devices.map((device) => {
      const before = known.get(device.name);
      if (before) before.device = device;
      const fresh: Known = {
        device,
        samples: [],
        answeredAt: Number.NaN,
        failure: null,
        failuresInARow: 0,
        dueAt: -Infinity,
        freshUntil: -Infinity,
      };
      return [device.name, before ?? fresh];
    }),
  );
}

/** Behind one that hangs the others aren't asked: what they said long ago says nothing of now. */
function dropOld(one: Known, now: number): void {
  if (now <= one.freshUntil) return;
  one.samples = [];
  one.answeredAt = Number.NaN;
}

async function briefly(promise: Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.after(patienceMilliseconds, finish);
    function finish(): void {
      timer.cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    }
    void promise.finally(finish);
    if (signal.aborted) finish();
    else signal.addEventListener("abort", finish);
  });
}
