/** Counters of a file with a line per device, read into a column of their own: for what only two readings together tell. */
import type { KeptFile } from "./kept-file.ts";
import { createLineTable } from "./line-table.ts";

/** Says whose counters a line holds and how long the part before them is; null for a line that is passed over. */
export type NameLine = (
  line: string,
  index: number,
) => { readonly name: string; readonly keyBytes: number } | null;

export interface CounterLines {
  /** Reads the file and learns its lines: whose they are, in their order. */
  learn(): readonly string[];
  /** Reads the counters again; false when the lines aren't those that were learned. */
  read(): boolean;
  /** Of the device that is the so many-th and the column of that number; NaN where there is none. */
  value(device: number, field: number): number;
}

/** Takes the first `fields` numbers of each line. */
export function createCounterLines(
  file: KeptFile,
  fields: number,
  nameLine: NameLine,
): CounterLines {
  const table = createLineTable();
  let column = new Float64Array(0);
  return {
    learn() {
      const names: string[] = [];
      file.read();
      table.learn(file.bytes, file.length, (line, index) => {
        const named = nameLine(line, index);
        if (!named) return null;
        const first = names.length * fields;
        names.push(named.name);
        return {
          keyBytes: named.keyBytes,
          slots: Array.from({ length: fields }, (_, field) => first + field),
        };
      });
      column = new Float64Array(names.length * fields);
      return names;
    },
    read() {
      file.read();
      column.fill(Number.NaN);
      return table.follow(file.bytes, file.length, column);
    },
    value: (device, field) => column[device * fields + field] ?? Number.NaN,
  };
}
