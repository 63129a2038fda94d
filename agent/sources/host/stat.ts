/** Context switches, interrupts, forks, tasks and boot time from /proc/stat, as proc(5) tells them. */
import { join } from "node:path";
import {
  contextSwitches,
  forks,
  interrupts,
  processesBlocked,
  processesRunning,
} from "../../../core/catalog/cpu.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { bootTime } from "../../../core/catalog/system.ts";
import { softInterruptTotals } from "../../../core/catalog/tasks.ts";
import { absent, type Source } from "../source.ts";
import type { FileShare } from "./kept-file.ts";
import type { HostOptions } from "./options.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

const metricOfKey: ReadonlyMap<string, Metric<never>> = new Map([
  ["ctxt", contextSwitches],
  ["intr", interrupts],
  ["processes", forks],
  ["procs_running", processesRunning],
  ["procs_blocked", processesBlocked],
  ["btime", bootTime],
]);

/** In the order of the line `softirq`, behind their sum; called as include/linux/interrupt.h calls them. */
const vectors = "hi timer net_tx net_rx block block_iopoll tasklet sched hrtimer rcu".split(" ");

export function createStatSource(share: FileShare, options: HostOptions["stat"]): Source {
  return {
    name: "stat",
    metrics: [...metricOfKey.values(), softInterruptTotals],
    sampling: "fast",
    open({ env }) {
      const path = join(env.paths.procfs, "stat");
      const file = share.open(path, env.clock);
      if (!file) return absent(missing("cpu", env.paths, path));
      return createTableReader(file, {
        plan: (slots) => (line) => {
          const key = /^(\S+) /.exec(line)?.[1];
          if (key === undefined) return null;
          if (key === "softirq" && options.softirqs) {
            const totals = vectors.map((vector) => slots.slot(softInterruptTotals, { vector }));
            return { keyBytes: key.length + 1, slots: [-1, ...totals] };
          }
          const metric = metricOfKey.get(key);
          return { keyBytes: key.length + 1, slots: metric ? [slots.slot(metric, {})] : [] };
        },
      });
    },
  };
}
