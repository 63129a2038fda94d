/** Single numbers that the kernel keeps in files of their own: entropy and hung tasks, as proc(5) and sysctl/kernel tell them. */
import { join } from "node:path";
import { entropyAvailable, entropyPoolSize, hungTasks } from "../../../core/catalog/kernel.ts";
import type { Source } from "../source.ts";
import { openListedReader } from "./listed-reader.ts";
import { missing } from "./missing.ts";

export const entropySource: Source = {
  name: "entropy",
  metrics: [entropyAvailable, entropyPoolSize],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.procfs, "sys/kernel/random");
    return openListedReader({
      clock: env.clock,
      absent: missing("entropy", env.paths, folder),
      list(listing) {
        listing.value(join(folder, "entropy_avail"), entropyAvailable, {});
        listing.value(join(folder, "poolsize"), entropyPoolSize, {}, { settled: true });
      },
    });
  },
};

export const kernelHungSource: Source = {
  name: "kernel_hung",
  metrics: [hungTasks],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "sys/kernel/hung_task_detect_count");
    return openListedReader({
      clock: env.clock,
      absent: missing("kernel_hung", env.paths, path),
      list: (listing) => listing.value(path, hungTasks, {}),
    });
  },
};
