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
import { absent, type Source } from "../source.ts";
import type { FileShare } from "./kept-file.ts";
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

export function createStatSource(share: FileShare): Source {
  return {
    name: "stat",
    metrics: [...metricOfKey.values()],
    sampling: "fast",
    open({ env }) {
      const path = join(env.paths.procfs, "stat");
      const file = share.open(path, env.clock);
      if (!file) return absent(missing("cpu", env.paths, path));
      return createTableReader(file, {
        plan: (slots) => (line) => {
          const key = /^(\S+) /.exec(line)?.[1];
          if (key === undefined) return null;
          const metric = metricOfKey.get(key);
          return { keyBytes: key.length + 1, slots: metric ? [slots.slot(metric, {})] : [] };
        },
      });
    },
  };
}
