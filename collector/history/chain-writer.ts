/** Turns the frames of one origin into chains: a whole frame first, differences after it, and a last word on series that ended. */
import { createFrameEncoder } from "../../core/wire/frame-codec.ts";
import {
  isPresent,
  setPresent,
  type Frame,
  type Origin,
  type Schema,
} from "../../core/wire/frame.ts";
import { writeStalenessMarker } from "./sample.ts";

/** One frame as the journal keeps it. */
export interface EncodedFrame {
  readonly sequence: number;
  readonly oldest: number;
  readonly newest: number;
  /** It carries nothing but the ends of series, and was not sent by the origin. */
  readonly closing: boolean;
  readonly body: Buffer;
}

export interface ChainStart {
  readonly origin: Origin;
  readonly schema: Schema;
  readonly hour: number;
  /** Groups whose samples an earlier chain has already. */
  readonly repeated: readonly number[];
}

export interface ChainEntry {
  /** Set when the frame begins a chain; otherwise it belongs to the chain begun last. */
  readonly start: ChainStart | null;
  readonly frame: EncodedFrame;
}

export interface ChainWriter {
  /** The frame's entry; before it, where series ended with it that it no longer declares, an entry that says so. */
  write(frame: Frame, nowMilliseconds: number): ChainEntry[];
  /** The next frame begins a chain: this one is being compacted, or (`lost`) what was written didn't reach the disk. */
  restart(options: { readonly lost: boolean }): void;
  readonly lastSequence: number;
  /** Unix milliseconds of the newest sample. */
  readonly newest: number;
  readonly boot: string;
}

/** What is known to be there: of the last complete frame and of the partial ones since, by schema. */
interface Held {
  readonly schema: Schema;
  readonly present: Uint8Array;
  readonly timestamps: Float64Array;
}

export const hourMilliseconds = 3_600_000;
/** How many frames may have to be decoded to reach one of them. */
const maximumFrames = 240;
/** And how many samples, so that a batch of chains fits in memory whatever the origin's size. */
const maximumSlots = 2_000_000;
/** Schemas of partial frames in a row whose series are remembered; those of older ones end by the look-back. */
const maximumHeld = 4;

/** Of all writers: each message is copied at once. */
const room = { bytes: Buffer.alloc(0) };

export function createChainWriter(): ChainWriter {
  const encoder = createFrameEncoder({ room });
  /** Newest first. */
  let held: readonly Held[] = [];
  let sequence = -1;
  let newest = 0;
  let boot = "";
  let hour = -1;
  let frames = 0;
  let isOpen = false;

  function continues(frame: Frame, hourNow: number): boolean {
    return (
      isOpen &&
      held[0]?.schema === frame.schema &&
      // What the others hold ends with a complete frame, and that is said between chains.
      (held.length === 1 || !frame.complete) &&
      frame.sequence > sequence &&
      hourNow === hour &&
      frames < maximumFrames &&
      frames * frame.schema.series.length < maximumSlots
    );
  }

  function start(frame: Frame, hourNow: number): { start: ChainStart; message: Buffer } {
    const { schema } = frame;
    encoder.restart({ withSchema: false });
    const message = encoder.encode(frame);
    const repeated = repeatedGroups(held[0], frame);
    isOpen = true;
    hour = hourNow;
    frames = 0;
    return { start: { origin: schema.origin, schema, hour: hourNow, repeated }, message };
  }

  function endsWith(frame: Frame, hourNow: number): ChainEntry[] {
    if (!frame.complete) return [];
    return held.flatMap((one, index) => {
      const ending = endingFrame(one, frame, sequence + 1);
      if (!ending) return [];
      const begun =
        isOpen && index === 0
          ? { start: null, message: encoder.encode(ending) }
          : start(ending, hourNow);
      return [{ start: begun.start, frame: encoded(ending, begun.message, true) }];
    });
  }

  return {
    get lastSequence() {
      return sequence;
    },
    get newest() {
      return newest;
    },
    get boot() {
      return boot;
    },
    restart({ lost }) {
      isOpen = false;
      if (lost) held = [];
    },
    write(frame, nowMilliseconds) {
      const hourNow = Math.floor(nowMilliseconds / hourMilliseconds);
      const goesOn = continues(frame, hourNow);
      const entries = goesOn ? [] : endsWith(frame, hourNow);
      const begun = goesOn
        ? { start: null, message: encoder.encode(frame) }
        : start(frame, hourNow);
      const own = encoded(frame, begun.message, false);
      entries.push({ start: begun.start, frame: own });
      frames += 1;
      ({ sequence } = frame);
      ({ newest } = own);
      ({ boot } = frame.schema.origin);
      held = remember(held, frame);
      return entries;
    },
  };
}

function encoded(frame: Frame, message: Buffer, closing: boolean): EncodedFrame {
  const { sequence } = frame;
  return { sequence, ...timeSpan(frame), closing, body: Buffer.from(message) };
}

/** Times of the oldest and the newest group; a group that was never read has the time 0 and doesn't count. */
export function timeSpan({ schema, timestamps }: Frame): { oldest: number; newest: number } {
  let oldest = Infinity;
  let newest = 0;
  for (let group = 0; group < schema.groups.length; group += 1) {
    const time = timestamps[group] ?? 0;
    if (time > newest) newest = time;
    if (time > 0 && time < oldest) oldest = time;
  }
  return { oldest: Math.min(oldest, newest), newest };
}

function remember(held: readonly Held[], frame: Frame): readonly Held[] {
  const { schema, complete } = frame;
  const bytes = (schema.series.length + 7) >> 3;
  const [newest] = held;
  const same = newest?.schema === schema ? newest : null;
  const kept: Held = same ?? {
    schema,
    present: new Uint8Array(bytes),
    timestamps: new Float64Array(schema.groups.length),
  };
  for (let byte = 0; byte < bytes; byte += 1) {
    const before = complete ? 0 : (kept.present[byte] ?? 0);
    kept.present[byte] = before | (frame.present[byte] ?? 0);
  }
  kept.timestamps.set(frame.timestamps.subarray(0, schema.groups.length));
  if (complete) return [kept];
  return same ? held : [kept, ...held].slice(0, maximumHeld);
}

/** Groups of slow sources ride unchanged in many frames: the same source with the same time is the same samples. */
function repeatedGroups(last: Held | undefined, { schema, timestamps }: Frame): number[] {
  if (!last) return [];
  const times = new Map(
    last.schema.groups.map(({ source }, group) => [source, last.timestamps[group]]),
  );
  return schema.groups.flatMap(({ source }, group) =>
    times.get(source) === timestamps[group] ? [group] : [],
  );
}

/** A frame of the former schema with a staleness marker for each series that the new frame doesn't hold; null if it holds all. */
function endingFrame(last: Held, frame: Frame, sequence: number): Frame | null {
  const { schema } = last;
  const held = schema === frame.schema ? null : presentKeys(frame);
  const values = new Float64Array(schema.series.length);
  const present = new Uint8Array(last.present.length);
  let ended = 0;
  schema.series.forEach(({ metric, values: labels }, slot) => {
    if (!isPresent(last.present, slot)) return;
    const stays = held
      ? held.has(keyOf(metric.name, metric.labels, labels))
      : isPresent(frame.present, slot);
    if (stays) return;
    writeStalenessMarker(values, slot);
    setPresent(present, slot);
    ended += 1;
  });
  if (ended === 0) return null;
  const { newest } = timeSpan(frame);
  const timestamps = new Float64Array(schema.groups.length).fill(newest);
  return { schema, sequence, timestamps, values, present, complete: false };
}

function presentKeys({ schema, present }: Frame): Set<string> {
  const keys = new Set<string>();
  schema.series.forEach(({ metric, values }, slot) => {
    if (isPresent(present, slot)) keys.add(keyOf(metric.name, metric.labels, values));
  });
  return keys;
}

function keyOf(name: string, labels: readonly string[], values: readonly string[]): string {
  return [name, ...labels, ...values].join("\u0000");
}
