/** A reader over one kept-open file of keyed lines: what most host sources are. */
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Reader } from "../source.ts";
import type { KeptFile } from "./kept-file.ts";
import { createLineTable, type LinePlanner } from "./line-table.ts";

export interface TableReaderOptions {
  /** Makes the planner that declares the series of each line as it meets it. */
  readonly plan: (slots: SlotRegistrar) => LinePlanner;
  /** Called with the column after every round that found the lines where they were. */
  readonly finish?: (column: Float64Array) => void;
}

export function createTableReader(file: KeptFile, options: TableReaderOptions): Reader {
  const table = createLineTable();
  return {
    register(slots) {
      file.read();
      table.learn(file.bytes, file.length, options.plan(slots));
    },
    read(column) {
      file.read();
      if (!table.follow(file.bytes, file.length, column)) return "changed";
      options.finish?.(column);
      return undefined;
    },
    close: () => file.close(),
  };
}
