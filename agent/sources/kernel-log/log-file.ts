/** Reads /dev/kmsg record by record without ever waiting: proc(5) and the kernel's dev-kmsg document say how it behaves. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { parseRecord, type KernelRecord } from "./record.ts";

export interface KernelLogFile {
  /** The records that came since the last call, this many at most. Throws what reading throws. */
  take(maximum: number): KernelRecord[];
  /** Records that the kernel wrote over before they were read. */
  readonly lost: number;
  close(): void;
}

/** The kernel gives a record whole or not at all, and its longest is 8 KiB. */
const longestRecordBytes = 16 * 1024;

/** Throws where it can't be opened. */
export function openKernelLog(path: string): KernelLogFile {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(longestRecordBytes);
  let lastSequence = -1;
  let lost = 0;
  let rest = "";
  let closed = false;

  function takeRecord(line: string, into: KernelRecord[]): void {
    const record = parseRecord(line);
    if (!record) return;
    if (lastSequence >= 0 && record.sequence > lastSequence + 1)
      lost += record.sequence - lastSequence - 1;
    lastSequence = record.sequence;
    into.push(record);
  }

  return {
    get lost() {
      return lost;
    },
    take(maximum) {
      const records: KernelRecord[] = [];
      while (records.length < maximum) {
        const length = readSome(descriptor, buffer);
        if (length === 0) break;
        if (length === overrun) continue;
        const lines = (rest + buffer.toString("utf8", 0, length)).split("\n");
        rest = (lines.pop() ?? "").slice(0, longestRecordBytes);
        // A line that begins with a space says which device the record above is of.
        for (const line of lines) if (!line.startsWith(" ")) takeRecord(line, records);
      }
      return records;
    },
    close() {
      if (!closed) closeSync(descriptor);
      closed = true;
    },
  };
}

const overrun = -1;

/** Bytes read; 0 when there is nothing more now, {@link overrun} when the next record was written over meanwhile. */
function readSome(descriptor: number, buffer: Buffer): number {
  try {
    return readSync(descriptor, buffer, 0, buffer.length, null);
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
    if (code === "EAGAIN") return 0;
    // The kernel moves on to the oldest record it still has.
    if (code === "EPIPE") return overrun;
    throw thrown;
  }
}
