/** Run queues of processors from /proc/schedstat, as the kernel's scheduler/sched-stats document has it. */
import { join } from "node:path";
import { runningSeconds, timeslices, waitingSeconds } from "../../../core/catalog/kernel.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

/** Of the nine numbers the last three: nanoseconds run, nanoseconds waited, turns. */
const passedOver = [-1, -1, -1, -1, -1, -1];
const nanosecondsPerSecond = 1e9;

export const schedstatSource: Source = {
  name: "schedstat",
  metrics: [runningSeconds, waitingSeconds, timeslices],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "schedstat");
    const file = openKeptFile(path, { initialBytes: 65_536 });
    if (!file) return absent(missing("schedstat", env.paths, path));
    let times: number[] = [];
    return createTableReader(file, {
      plan(slots) {
        times = [];
        return (line) => {
          // Behind each processor come its domains, with long lines that aren't needed.
          const match = /^cpu(\d+) /.exec(line);
          if (!match?.[1]) return null;
          const cpu = match[1];
          const running = slots.slot(runningSeconds, { cpu });
          const waiting = slots.slot(waitingSeconds, { cpu });
          times.push(running, waiting);
          return {
            keyBytes: match[0].length,
            slots: [...passedOver, running, waiting, slots.slot(timeslices, { cpu })],
          };
        };
      },
      finish(column) {
        for (const slot of times)
          column[slot] = (column[slot] ?? Number.NaN) / nanosecondsPerSecond;
      },
    });
  },
};
