/**
 * Frames that wait out an outage on disk: segments that are only appended to, each readable by itself, bounded in bytes.
 * A segment is synced when it is full and after five seconds, so a loss of power costs at most the frames of those.
 *
 *     NUMBER.open               being written; after a crash what of it can be read is used
 *     NUMBER-FRAMES.frames      full; messages of frame-codec.ts that begin with a schema
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { open, readFile, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../../core/kit/clock.ts";
import { describeError, systemCode, WarpwatchError } from "../../core/kit/errors.ts";
import { createFrameDecoder, createFrameEncoder } from "../../core/wire/frame-codec.ts";
import type { Frame } from "../../core/wire/frame.ts";
import { createSegmentReader, type SegmentReader } from "./segment-reader.ts";

export type SpoolDrop = "spool_full" | "disk_full" | "write_failed" | "unreadable";

export interface SpoolOptions {
  readonly folder: string;
  readonly maximumBytes: number;
  readonly clock: Clock;
  readonly onDrop: (reason: SpoolDrop, frames: number, sentence: string) => void;
}

export interface Spool {
  readonly frames: number;
  readonly bytes: number;
  /** Encoded before it returns; on disk a little later. */
  append(frame: Frame): void;
  /** The oldest frames that weren't handed out yet, at most `count`; they are valid until the next call. */
  take(count: number): Promise<Frame[]>;
  /** What was taken is settled: segments of which nothing is left are deleted. */
  settle(): Promise<void>;
  /** What was taken is handed out again. */
  rewind(): void;
  close(): Promise<void>;
}

interface Segment {
  readonly number: number;
  frames: number;
  bytes: number;
  /** Nothing more is added: it is being finished, or was. */
  isFull: boolean;
  /** null once it is finished. */
  writing: Writing | null;
}

interface Writing {
  pending: Buffer[];
  handle: FileHandle | null;
  unsyncedSince: number | null;
  /** What is in the file for sure. */
  writtenFrames: number;
  writtenBytes: number;
}

const syncMilliseconds = 5000;
const largestSegment = 512 * 1024;
/** Bytes that are encoded and not written yet: a disk that hangs costs frames, not memory. */
const maximumPendingBytes = 4 * 1024 * 1024;

/** Throws STATE_UNUSABLE when the folder can't be used. */
export function openSpool(options: SpoolOptions): Spool {
  const { folder, clock, maximumBytes, onDrop } = options;
  const segmentBytes = Math.max(16 * 1024, Math.min(largestSegment, Math.floor(maximumBytes / 8)));
  const segments = listSegments(folder, onDrop);
  const encoder = createFrameEncoder();
  let next = (segments.at(-1)?.number ?? 0) + 1;
  let pendingBytes = 0;
  let working: Promise<void> = Promise.resolve();
  let timer: Timer | null = null;
  let reader: { segment: Segment; from: SegmentReader } | null = null;

  const total = (of: "frames" | "bytes"): number =>
    segments.reduce((sum, segment) => sum + segment[of], 0);

  function drop(segment: Segment, reason: SpoolDrop, sentence: string): void {
    const read = reader?.segment === segment ? reader.from.settled : 0;
    if (reader?.segment === segment) reader = null;
    segments.splice(segments.indexOf(segment), 1);
    if (segment.writing) {
      takePending(segment.writing);
      void segment.writing.handle?.close().catch(() => undefined);
    }
    if (segment.frames > read) onDrop(reason, segment.frames - read, sentence);
  }

  function enqueue(work: () => Promise<void>): Promise<void> {
    working = working.then(work).catch(() => undefined);
    return working;
  }

  async function write(segment: Segment): Promise<void> {
    const { writing } = segment;
    if (!writing || writing.pending.length === 0 || !segments.includes(segment)) return;
    const frames = writing.pending.length;
    const bytes = takePending(writing);
    try {
      writing.handle ??= await open(join(folder, openName(segment)), "a", 0o600);
      // It may have been dropped, and counted as such, while it was opened.
      if (!segments.includes(segment)) {
        await writing.handle.close();
        return;
      }
      await writing.handle.writeFile(bytes);
      writing.writtenFrames += frames;
      writing.writtenBytes += bytes.length;
      writing.unsyncedSince ??= clock.monotonic();
      if (clock.monotonic() - writing.unsyncedSince >= syncMilliseconds) await sync(writing);
    } catch (thrown) {
      if (segments.includes(segment)) await cutBack(segment, writing, thrown);
    }
  }

  function takePending(writing: Writing): Buffer {
    const bytes = Buffer.concat(writing.pending);
    writing.pending = [];
    pendingBytes -= bytes.length;
    return bytes;
  }

  /** The segment ends with what was written whole; what was to follow is a difference from what is lost, and lost too. */
  async function cutBack(segment: Segment, writing: Writing, thrown: unknown): Promise<void> {
    takePending(writing);
    encoder.restart();
    segment.isFull = true;
    const reason = systemCode(thrown) === "ENOSPC" ? "disk_full" : "write_failed";
    const lost = segment.frames - writing.writtenFrames;
    onDrop(reason, lost, `the spool in ${folder} can't be written: ${describeError(thrown)}`);
    segment.frames = writing.writtenFrames;
    segment.bytes = writing.writtenBytes;
    segment.writing = null;
    const file = join(folder, openName(segment));
    try {
      await writing.handle?.truncate(writing.writtenBytes);
      await writing.handle?.close();
      if (segment.frames > 0) await rename(file, join(folder, fullName(segment)));
      else await rm(file, { force: true });
    } finally {
      if (segment.frames === 0) segments.splice(segments.indexOf(segment), 1);
    }
  }

  function finish(segment: Segment): Promise<void> {
    segment.isFull = true;
    return enqueue(() => finishNow(segment));
  }

  async function finishNow(segment: Segment): Promise<void> {
    await write(segment);
    const { writing } = segment;
    if (!writing || segment.writing === null || !segments.includes(segment)) return;
    await sync(writing);
    await writing.handle?.close();
    await rename(join(folder, openName(segment)), join(folder, fullName(segment)));
    segment.writing = null;
  }

  function dropOldest(): void {
    while (total("bytes") > maximumBytes && segments.length > 1) {
      const [oldest] = segments;
      if (!oldest) return;
      const name = oldest.writing ? openName(oldest) : fullName(oldest);
      drop(oldest, "spool_full", `the spool holds its ${maximumBytes} bytes; the oldest frames go`);
      void enqueue(() => rm(join(folder, name), { force: true }));
    }
  }

  function append(frame: Frame): void {
    let current = segments.at(-1);
    if (!current || current.isFull || current.bytes >= segmentBytes) {
      if (current && !current.isFull) void finish(current);
      const writing = {
        pending: [],
        handle: null,
        unsyncedSince: null,
        writtenFrames: 0,
        writtenBytes: 0,
      };
      current = { number: next, frames: 0, bytes: 0, isFull: false, writing };
      next += 1;
      segments.push(current);
      encoder.restart();
    }
    const bytes = Buffer.from(encoder.encode(frame));
    if (pendingBytes + bytes.length > maximumPendingBytes) {
      onDrop("write_failed", 1, `the disk of the spool in ${folder} doesn't keep up`);
      encoder.restart();
      return;
    }
    current.writing?.pending.push(bytes);
    pendingBytes += bytes.length;
    current.frames += 1;
    current.bytes += bytes.length;
    dropOldest();
    timer ??= clock.after(writeMilliseconds, () => {
      timer = null;
      const open = current;
      void enqueue(() => write(open));
    });
  }

  async function openReader(): Promise<typeof reader> {
    if (reader) return reader;
    const [segment] = segments;
    if (!segment) return null;
    if (!segment.isFull) void finish(segment);
    await working;
    if (!segments.includes(segment) || segment.writing) return null;
    const bytes = await readFile(join(folder, fullName(segment)));
    return (reader = { segment, from: createSegmentReader(bytes) });
  }

  async function discard(segment: Segment): Promise<void> {
    const at = segments.indexOf(segment);
    if (at >= 0) segments.splice(at, 1);
    reader = null;
    await rm(join(folder, fullName(segment)), { force: true });
  }

  return {
    get frames() {
      return total("frames") - (reader?.from.settled ?? 0);
    },
    get bytes() {
      return total("bytes");
    },
    append,
    async take(count) {
      const from = await openReader();
      if (!from) return [];
      const frames = from.from.take(count);
      if (frames.length > 0) return frames;
      const { segment } = from;
      const lost = segment.frames - from.from.settled;
      await discard(segment);
      if (lost > 0) onDrop("unreadable", lost, `a segment of the spool in ${folder} is damaged`);
      return [];
    },
    async settle() {
      if (!reader) return;
      const { segment, from } = reader;
      from.settle();
      if (from.settled >= segment.frames) await discard(segment);
    },
    rewind: () => reader?.from.rewind(),
    async close() {
      timer?.cancel();
      const last = segments.at(-1);
      if (last && !last.isFull) void finish(last);
      await working;
    },
  };
}

/** Frames come at least a tenth of a second apart: what comes together is written together. */
const writeMilliseconds = 200;

async function sync(writing: Writing): Promise<void> {
  writing.unsyncedSince = null;
  await writing.handle?.datasync();
}

function openName({ number }: Segment): string {
  return `${String(number).padStart(12, "0")}.open`;
}

function fullName({ number, frames }: Segment): string {
  return `${String(number).padStart(12, "0")}-${frames}.frames`;
}

/** What an earlier run left, oldest first. */
function listSegments(folder: string, onDrop: SpoolOptions["onDrop"]): Segment[] {
  const segments: Segment[] = [];
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder).toSorted()) {
      const match = /^(\d{12})(?:\.open|-(\d+)\.frames)$/.exec(name);
      if (!match) continue;
      const file = join(folder, name);
      const counted = match[2] === undefined ? countFrames(file) : Number(match[2]);
      const number = Number(match[1]);
      const segment = {
        number,
        frames: counted,
        bytes: statSync(file).size,
        isFull: true,
        writing: null,
      };
      if (counted === 0) rmSync(file);
      else if (match[2] === undefined) renameSync(file, join(folder, fullName(segment)));
      if (counted > 0) segments.push(segment);
    }
  } catch (cause) {
    const sentence = `the spool in ${folder} can't be used: ${describeError(cause)}`;
    onDrop("unreadable", 0, sentence);
    throw new WarpwatchError("STATE_UNUSABLE", sentence, { cause });
  }
  return segments;
}

/** Of a segment that a crash left open: what is behind its last whole message was never there. */
function countFrames(file: string): number {
  let frames = 0;
  try {
    createFrameDecoder({ streams: 1 }).decode(readFileSync(file), () => (frames += 1));
  } catch {
    // What was read until then counts.
  }
  return frames;
}
