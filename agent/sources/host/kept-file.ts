/** Kernel files that are opened once and read over and over: a read at an offset costs a tenth of open, read, close. */
import { closeSync, readSync } from "node:fs";
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import { openFile } from "./open-file.ts";
import { lineFeed } from "./scan.ts";

export interface KeptFile {
  readonly path: string;
  /** What the last `read` found is in its first `length` bytes, then a line feed; the next read overwrites it. */
  readonly bytes: Buffer;
  readonly length: number;
  /** Reads the file from its start to its end. Throws PATH_UNREADABLE, or LIMIT_REACHED when it outgrows the bound. */
  read(): void;
  close(): void;
}

export interface KeptFileOptions {
  readonly initialBytes?: number;
  readonly maximumBytes?: number;
}

/** After these the descriptor is worthless and the path may be good again: a module was reloaded, a namespace left. */
const reopenCodes: ReadonlySet<string> = new Set(["ESTALE", "ENODEV", "ENXIO", "ESRCH", "EBADF"]);
const missingCodes: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);

/** Opens the file, or returns null where there is none; throws PATH_UNREADABLE where there is one that can't be opened. */
export function openKeptFile(path: string, options: KeptFileOptions = {}): KeptFile | null {
  const maximumBytes = options.maximumBytes ?? 8 * 1024 * 1024;
  let descriptor: number;
  try {
    descriptor = openFile(path);
  } catch (error) {
    if (missingCodes.has(systemCode(error))) return null;
    throw unreadable(path, error);
  }
  let bytes = Buffer.allocUnsafeSlow(options.initialBytes ?? 4096);
  let length = 0;

  /** The kernel hands out most files a page at a time: the end is where a read gives nothing. */
  function readToEnd(): void {
    length = 0;
    for (;;) {
      const count = readSync(descriptor, bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
      if (length === bytes.length) grow();
    }
    bytes[length] = lineFeed;
  }

  function grow(): void {
    if (bytes.length >= maximumBytes)
      throw new WarpwatchError("LIMIT_REACHED", `${path} is larger than ${maximumBytes} bytes`);
    const larger = Buffer.allocUnsafeSlow(Math.min(bytes.length * 2, maximumBytes));
    bytes.copy(larger, 0, 0, length);
    bytes = larger;
  }

  return {
    path,
    get bytes() {
      return bytes;
    },
    get length() {
      return length;
    },
    read() {
      try {
        readToEnd();
      } catch (error) {
        length = 0;
        if (!reopenCodes.has(systemCode(error))) throw unreadable(path, error);
        closeQuietly(descriptor);
        descriptor = -1;
        try {
          descriptor = openFile(path);
          readToEnd();
        } catch (again) {
          length = 0;
          throw unreadable(path, again);
        }
      }
    },
    close() {
      closeQuietly(descriptor);
      descriptor = -1;
    },
  };
}

export interface FileShare {
  /** Like {@link openKeptFile}; readers of one path share a descriptor and what was read in the last moments. */
  open(path: string, clock: Clock, options?: KeptFileOptions): KeptFile | null;
}

/** Short of any sampling period, longer than one round over all sources. */
const sharedForMilliseconds = 20;

/**
 * For files that are dear to print and that two sources read: the kernel sums every interrupt over every processor for
 * /proc/stat, a millisecond's work on a large machine.
 */
export function createFileShare(): FileShare {
  const shared = new Map<string, { file: KeptFile; users: number; readAt: number }>();
  return {
    open(path, clock, options) {
      let entry = shared.get(path);
      if (!entry) {
        const file = openKeptFile(path, options);
        if (!file) return null;
        shared.set(path, (entry = { file, users: 0, readAt: -Infinity }));
      }
      const mine = entry;
      mine.users += 1;
      let closed = false;
      return {
        path,
        get bytes() {
          return mine.file.bytes;
        },
        get length() {
          return mine.file.length;
        },
        read() {
          const now = clock.monotonic();
          if (now - mine.readAt < sharedForMilliseconds) return;
          mine.readAt = -Infinity;
          mine.file.read();
          mine.readAt = now;
        },
        close() {
          if (closed) return;
          closed = true;
          mine.users -= 1;
          if (mine.users > 0) return;
          shared.delete(path);
          mine.file.close();
        },
      };
    },
  };
}

/** The text of a small file without its end of line, or null where there is none; throws PATH_UNREADABLE. */
export function readText(path: string): string | null {
  const file = openKeptFile(path, { maximumBytes: 65_536 });
  if (!file) return null;
  try {
    file.read();
    return file.bytes.toString("utf8", 0, file.length).trimEnd();
  } finally {
    file.close();
  }
}

/** Like {@link readText}, for what is good to know but nothing depends on: empty where it can't be had. */
export function readFact(path: string): string {
  try {
    return readText(path) ?? "";
  } catch {
    return "";
  }
}

function unreadable(path: string, cause: unknown): WarpwatchError {
  if (cause instanceof WarpwatchError) return cause;
  const reason = systemCode(cause) || describeError(cause);
  return new WarpwatchError("PATH_UNREADABLE", `${path} can't be read: ${reason}`, { cause });
}

function closeQuietly(descriptor: number): void {
  if (descriptor < 0) return;
  try {
    closeSync(descriptor);
  } catch {
    // A descriptor that can't be closed is of no use to anyone.
  }
}
