/** Packets that processors took from network cards, from /proc/net/softnet_stat: columns of eight hexadecimal digits, as net/core/net-procfs.c prints them. */
import { join } from "node:path";
import * as statistics from "../../../core/catalog/net-statistics.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { nextLine } from "./scan.ts";

/** By column; the kernel has appended to the line over time. */
const columns: readonly (readonly [number, Metric<"cpu">])[] = [
  [0, statistics.softnetProcessed],
  [1, statistics.softnetDropped],
  [2, statistics.softnetSqueezed],
  [8, statistics.softnetCollisions],
  [9, statistics.softnetSteered],
  [10, statistics.softnetFlowLimited],
  [11, statistics.softnetBacklog],
];
/** Kernels since 5.14 say which processor it is: the file leaves out those that are offline. */
const processorColumn = 12;
const digits = 8;
const bytesPerColumn = digits + 1;
const space = 0x20;

interface Line {
  readonly processor: number;
  readonly columns: readonly number[];
  readonly slots: readonly number[];
}

export const softnetSource: Source = {
  name: "softnet",
  metrics: columns.map(([, metric]) => metric),
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "net/softnet_stat");
    const file = openKeptFile(path, { initialBytes: 16_384 });
    if (!file) return absent(`${path} isn't there: is --path.procfs a proc filesystem?`);
    let lines: Line[] = [];
    return {
      register(slots) {
        file.read();
        const { bytes, length } = file;
        lines = [];
        for (let start = 0, end = 0; start < length; start = end) {
          end = nextLine(bytes, start, length);
          const line = bytes.subarray(start, end);
          const processor = processorAt(line, lines.length);
          const cpu = String(processor);
          const present = columns.filter(([column]) => !Number.isNaN(fieldAt(line, column)));
          lines.push({
            processor,
            columns: present.map(([column]) => column),
            slots: present.map(([, metric]) => slots.slot(metric, { cpu })),
          });
        }
      },
      read(column) {
        file.read();
        const { bytes, length } = file;
        let index = 0;
        for (let start = 0, end = 0; start < length; start = end, index += 1) {
          end = nextLine(bytes, start, length);
          const text = bytes.subarray(start, end);
          const line = lines[index];
          if (line?.processor !== processorAt(text, index)) return "changed";
          for (let field = 0; field < line.slots.length; field += 1)
            column[line.slots[field] ?? -1] = fieldAt(text, line.columns[field] ?? 0);
        }
        return index === lines.length ? undefined : "changed";
      },
      close: () => file.close(),
    };
  },
};

function processorAt(line: Buffer, index: number): number {
  const told = fieldAt(line, processorColumn);
  return Number.isNaN(told) ? index : told;
}

/** NaN where the line is shorter or the column isn't eight digits. */
function fieldAt(line: Buffer, column: number): number {
  const first = column * bytesPerColumn;
  if (first + digits > line.length) return Number.NaN;
  if (column > 0 && line[first - 1] !== space) return Number.NaN;
  let value = 0;
  for (let at = first; at < first + digits; at += 1) {
    const digit = digitOf(line[at] ?? 0);
    if (digit < 0) return Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x61 + 10;
  return -1;
}
