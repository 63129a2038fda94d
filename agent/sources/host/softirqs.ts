/** Deferred interrupt work by processor from /proc/softirqs, as proc(5) tells it: a heading of processors, a kind per line. */
import { join } from "node:path";
import { softInterrupts } from "../../../core/catalog/tasks.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

export const softirqsSource: Source = {
  name: "softirqs",
  metrics: [softInterrupts],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "softirqs");
    const file = openKeptFile(path, { initialBytes: 16_384 });
    if (!file) return absent(missing("softirqs", env.paths, path));
    return createTableReader(file, {
      plan(slots) {
        let processors: readonly string[] = [];
        return (line, index) => {
          if (index === 0) {
            processors = processorsIn(line);
            return { keyBytes: line.length, slots: [] };
          }
          const match = /^\s*([A-Z_]+):/.exec(line);
          if (!match?.[1]) return null;
          const [head, type] = match;
          return {
            keyBytes: head.length,
            slots: processors.map((cpu) => slots.slot(softInterrupts, { cpu, type })),
          };
        };
      },
    });
  },
};

/** The numbers of the processors in a heading `CPU0 CPU2 …`, in the order of the columns below it. */
export function processorsIn(heading: string): string[] {
  return [...heading.matchAll(/CPU(\d+)/g)].map(([, number = ""]) => number);
}
