/** Packets that processors took from network cards, from /proc/net/softnet_stat: hexadecimal columns, as net/core/net-procfs.c prints them. */
import { join } from "node:path";
import * as statistics from "../../../core/catalog/net-statistics.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { nextLine, type Cursor } from "./scan.ts";
import { scanHexadecimal } from "./scan-hexadecimal.ts";
import { missing } from "./missing.ts";

/** By column; the kernel has appended to the line over time. */
const columns: readonly (Metric<"cpu"> | null)[] = [
  statistics.softnetProcessed,
  statistics.softnetDropped,
  statistics.softnetSqueezed,
  null,
  null,
  null,
  null,
  null,
  statistics.softnetCollisions,
  statistics.softnetSteered,
  statistics.softnetFlowLimited,
  statistics.softnetBacklog,
];
/** Kernels since 5.14 say which processor it is: the file leaves out those that are offline. */
const processorColumn = 12;

export const softnetSource: Source = {
  name: "softnet",
  metrics: columns.filter((metric) => metric !== null),
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "net/softnet_stat");
    const file = openKeptFile(path, { initialBytes: 16_384 });
    if (!file) return absent(missing("network", env.paths, path));
    const kept = file;
    const cursor: Cursor = { bytes: file.bytes, position: 0, end: 0 };
    const fields = new Float64Array(processorColumn + 1);
    /** By line: the processor, and the slots of the columns. */
    let processors: number[] = [];
    let slots: Int32Array[] = [];

    /** Scans the line at the cursor into `fields`; the columns that it lacks are NaN. */
    function scanLine(): void {
      for (let column = 0; column <= processorColumn; column += 1)
        fields[column] = scanHexadecimal(cursor);
      cursor.position = nextLine(cursor.bytes, cursor.position, cursor.end);
    }

    function processorOf(line: number): number {
      const told = fields[processorColumn] ?? Number.NaN;
      return Number.isNaN(told) ? line : told;
    }

    function begin(): void {
      kept.read();
      cursor.bytes = kept.bytes;
      cursor.end = kept.length;
      cursor.position = 0;
    }

    return {
      register(registrar) {
        processors = [];
        slots = [];
        for (begin(); cursor.position < cursor.end;) {
          scanLine();
          const processor = processorOf(processors.length);
          const cpu = String(processor);
          processors.push(processor);
          slots.push(
            Int32Array.from(columns, (metric, column) =>
              metric === null || Number.isNaN(fields[column])
                ? -1
                : registrar.slot(metric, { cpu }),
            ),
          );
        }
      },
      read(column) {
        let line = 0;
        for (begin(); cursor.position < cursor.end; line += 1) {
          scanLine();
          const own = slots[line];
          if (own === undefined || processors[line] !== processorOf(line)) return "changed";
          for (let field = 0; field < own.length; field += 1)
            column[own[field] ?? -1] = fields[field] ?? Number.NaN;
        }
        return line === slots.length ? undefined : "changed";
      },
      close: () => file.close(),
    };
  },
};
