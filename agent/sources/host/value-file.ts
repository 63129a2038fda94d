/** Files of /sys that hold one value: many of them, kept open as far as the bound allows, read through one buffer. */
import { closeSync, read, readSync } from "node:fs";
import { openFile } from "./open-file.ts";
import { lineFeed } from "./scan.ts";

/** What a file's text stands for; NaN where it stands for nothing. */
export type ParseValue = (text: string) => number;

/** The same of a file that holds no text; the bytes are only lent. */
export type ParseBytes = (bytes: Buffer) => number;

export interface ValueFile {
  /** False where there is none or it may not be opened. */
  opens(): boolean;
  /** The number in it, NaN where it can't be read or holds none; never throws. */
  readNumber(parse?: ParseValue): number;
  /** The same by another thread, which may wait for the device behind it. */
  readNumberApart(parse?: ParseValue): Promise<number>;
  /** Both ways for a file of bytes. */
  readBytes(parse: ParseBytes): number;
  readBytesApart(parse: ParseBytes): Promise<number>;
  /** The text in it without surrounding blanks, null where it can't be read; never throws. */
  readText(): string | null;
  close(): void;
}

/** How many files of one source stay open; more are opened for each reading. */
const maximumOpen = 2048;
/** A file of /sys is never longer than a page; what node_exporter reads of it is 128 bytes. */
const buffer = Buffer.allocUnsafeSlow(4097);
/** A number with its unit is never that long. */
const longestNumber = 128;
const minus = 0x2d;
const digitZero = 0x30;
/** So many decimal digits are always exact in a double. */
const exactDigits = 15;

/** Makes the files of one source: `limit` of them stay open. */
export function createValueFiles(limit: number = maximumOpen): (path: string) => ValueFile {
  let kept = 0;
  return (path) => {
    let descriptor = -1;
    /** Another thread has the descriptor: it mustn't be closed, lest the number become another file's. */
    let isLent = false;
    let isClosing = false;

    function close(): void {
      isClosing = isLent;
      if (descriptor < 0 || isLent) return;
      kept -= 1;
      closeQuietly(descriptor);
      descriptor = -1;
    }

    function ensureOpen(): void {
      if (descriptor >= 0) return;
      descriptor = openFile(path);
      kept += 1;
    }

    /** How many bytes there are in the buffer now; -1 where the file can't be read. */
    function fill(): number {
      try {
        ensureOpen();
        const length = readSync(descriptor, buffer, 0, buffer.length - 1, 0);
        buffer[length] = lineFeed;
        if (kept > limit) close();
        return length;
      } catch {
        // A device that went leaves a descriptor that never works again; one that came back has a new file.
        close();
        return -1;
      }
    }

    function readApart(longest: number, parse: ParseBytes): Promise<number> {
      return new Promise((resolve) => {
        try {
          ensureOpen();
        } catch {
          return resolve(Number.NaN);
        }
        isLent = true;
        const bytes = Buffer.allocUnsafe(longest);
        read(descriptor, bytes, 0, longest, 0, (error, length) => {
          isLent = false;
          if (error !== null || isClosing || kept > limit) close();
          resolve(error === null ? parse(bytes.subarray(0, length)) : Number.NaN);
        });
      });
    }

    return {
      opens() {
        try {
          ensureOpen();
          if (kept > limit) close();
          return true;
        } catch {
          return false;
        }
      },
      readNumber(parse) {
        const length = fill();
        if (length <= 0) return Number.NaN;
        return parse ? parse(textOf(length)) : numberIn(length);
      },
      readNumberApart: (parse = parseNumber) =>
        readApart(longestNumber, (bytes) => parse(bytes.toString("utf8").trim())),
      readBytes(parse) {
        const length = fill();
        return length < 0 ? Number.NaN : parse(buffer.subarray(0, length));
      },
      readBytesApart: (parse) => readApart(buffer.length - 1, parse),
      readText() {
        const length = fill();
        return length < 0 ? null : textOf(length);
      },
      close,
    };
  };
}

/** A decimal or, after 0x, hexadecimal number that is all there is in the text; NaN otherwise. */
export function parseNumber(text: string): number {
  if (!/^[-+]?(\d+(\.\d+)?(e[-+]?\d+)?|0x[\da-f]+)$/i.test(text)) return Number.NaN;
  const value = Number(text);
  // Text that goes on for hundreds of digits is no number of any device.
  return Number.isFinite(value) ? value : Number.NaN;
}

function numberIn(length: number): number {
  const negative = buffer[0] === minus;
  let at = negative ? 1 : 0;
  const first = at;
  let value = 0;
  for (;;) {
    const digit = (buffer[at] ?? lineFeed) - digitZero;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    at += 1;
  }
  const digits = at - first;
  const ended = buffer[at] === lineFeed && at >= length - 1;
  if (!ended || digits === 0 || digits > exactDigits) return parseNumber(textOf(length));
  return negative ? -value : value;
}

function textOf(length: number): string {
  return buffer.toString("utf8", 0, length).trim();
}

function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // A descriptor that can't be closed is of no use to anyone.
  }
}
