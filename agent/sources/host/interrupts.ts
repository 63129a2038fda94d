/**
 * Interrupts by processor from /proc/interrupts, as the kernel's show_interrupts prints them: a heading of processors,
 * then per line a number or name, a count for each processor, and who is behind it.
 */
import { join } from "node:path";
import { interruptsByLine } from "../../../core/catalog/tasks.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import type { HostOptions } from "./options.ts";
import { nextLine, scanUnsigned, type Cursor } from "./scan.ts";
import { processorsIn } from "./softirqs.ts";
import { missing } from "./missing.ts";

interface Line {
  /** What stands before the counts, byte for byte. */
  readonly head: Uint8Array;
  readonly slots: readonly number[];
  /** What stands behind them: a line of the same number may pass to another device. */
  readonly tail: Uint8Array;
}

export function createInterruptsSource(options: HostOptions["interrupts"]): Source {
  return {
    name: "interrupts",
    metrics: [interruptsByLine],
    // The kernel walks all lines times all processors to print it: milliseconds on a large machine.
    sampling: "steady",
    open({ env }) {
      const path = join(env.paths.procfs, "interrupts");
      const file = openKeptFile(path, { initialBytes: 65_536, maximumBytes: 64 * 1024 * 1024 });
      if (!file) return absent(missing("interrupts", env.paths, path));
      return createInterruptsReader(file, options);
    },
  };
}

function createInterruptsReader(file: KeptFile, options: HostOptions["interrupts"]): Reader {
  const cursor: Cursor = { bytes: file.bytes, position: 0, end: 0 };
  let lines: readonly Line[] = [];

  return {
    register(slots) {
      file.read();
      lines = learn(file.bytes.toString("latin1", 0, file.length), slots, options);
    },
    read(column) {
      file.read();
      cursor.bytes = file.bytes;
      cursor.end = file.length;
      cursor.position = 0;
      for (const line of lines) {
        if (!skip(cursor, line.head)) return "changed";
        for (const slot of line.slots) {
          const count = scanUnsigned(cursor);
          if (count !== 0 || options.zeros) column[slot] = count;
        }
        if (!skip(cursor, line.tail)) return "changed";
        cursor.position = nextLine(cursor.bytes, cursor.position, cursor.end);
      }
      return cursor.position === cursor.end ? undefined : "changed";
    },
    close: () => file.close(),
  };
}

function learn(text: string, slots: SlotRegistrar, options: HostOptions["interrupts"]): Line[] {
  const [heading = "", ...rest] = text.split("\n");
  const processors = processorsIn(heading);
  const whole = (head: string): Line => ({ head: bytesOf(head), slots: [], tail: bytesOf("") });
  return [
    whole(heading),
    ...rest.slice(0, rest.at(-1) === "" ? -1 : rest.length).map((line): Line => {
      const head = /^\s*[^\s:]+:/.exec(line)?.[0] ?? "";
      const type = head.trim().slice(0, -1);
      const counts = new RegExp(`^(\\s*\\d+){${processors.length}}(?=\\s+\\S)`).exec(
        line.slice(head.length),
      )?.[0];
      // The last lines (ERR, MIS) have one count for the whole machine and say nothing more.
      if (type === "" || counts === undefined) return whole(head);
      const tail = line.slice(head.length + counts.length);
      const { info, devices } = describe(type, tail.trim().split(/\s+/));
      if (!options.keepsName(`${type};${info};${devices}`)) return whole(head);
      return {
        head: bytesOf(head),
        slots: processors.map((cpu) => slots.slot(interruptsByLine, { cpu, type, info, devices })),
        tail: bytesOf(tail),
      };
    }),
  ];
}

/** Numbered lines name their controller and then their devices; the others are told in words. */
function describe(type: string, words: readonly string[]): { info: string; devices: string } {
  if (!/^\d+$/.test(type)) return { info: words.join(" "), devices: "" };
  const [info = "", ...devices] = words;
  return { info, devices: devices.join(" ") };
}

function bytesOf(latin1: string): Uint8Array {
  return Buffer.from(latin1, "latin1");
}

/** Moves past the expected bytes; false where others stand. */
function skip(cursor: Cursor, expected: Uint8Array): boolean {
  const { bytes, position, end } = cursor;
  if (position + expected.length > end) return false;
  for (let at = 0; at < expected.length; at += 1)
    if (bytes[position + at] !== expected[at]) return false;
  cursor.position = position + expected.length;
  return true;
}
