/** Reads the frames of one spooled segment a few at a time, and goes back to what isn't settled when sending it failed. */
import { WarpwatchError } from "../../core/kit/errors.ts";
import { createFrameDecoder } from "../../core/wire/frame-codec.ts";
import type { Frame } from "../../core/wire/frame.ts";
import { copyFrame } from "./frame-copy.ts";

export interface SegmentReader {
  /** Frames that need not be sent any more. */
  readonly settled: number;
  /** The next frames; none at the end, or where the rest is damaged. */
  take(count: number): Frame[];
  settle(): void;
  rewind(): void;
}

const headerBytes = 12;

export function createSegmentReader(bytes: Buffer): SegmentReader {
  let decoder = createFrameDecoder({ streams: 1 });
  let at = 0;
  let taken = 0;
  let settled = 0;

  /** null at the end. */
  function read(): Frame | null {
    const found: Frame[] = [];
    while (found.length === 0 && at + headerBytes <= bytes.length) {
      const end = at + headerBytes + bytes.readUInt32LE(at + 4);
      try {
        if (decoder.decode(bytes.subarray(at, end), (frame) => found.push(copyFrame(frame))) === 0)
          return null;
      } catch (thrown) {
        if (!(thrown instanceof WarpwatchError)) throw thrown;
        at = bytes.length;
        return null;
      }
      at = end;
    }
    return found[0] ?? null;
  }

  return {
    get settled() {
      return settled;
    },
    take(count) {
      const frames: Frame[] = [];
      while (frames.length < count) {
        const frame = read();
        if (!frame) break;
        taken += 1;
        if (taken > settled) frames.push(frame);
      }
      return frames;
    },
    settle: () => void (settled = taken),
    rewind() {
      decoder = createFrameDecoder({ streams: 1 });
      at = 0;
      taken = 0;
    },
  };
}
