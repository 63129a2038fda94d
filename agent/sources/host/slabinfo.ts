/** The kernel's caches of small objects from /proc/slabinfo 2.1, as slabinfo(5) has it; only root may read it. */
import { join } from "node:path";
import * as layout from "../../../core/catalog/memory-layout.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import type { HostOptions } from "./options.ts";
import { createTableReader } from "./table-reader.ts";

/** In the order of the columns behind the name. */
const metrics = [
  layout.slabActiveObjects,
  layout.slabObjects,
  layout.slabObjectSize,
  layout.slabObjectsPerSlab,
  layout.slabPages,
];

export function createSlabinfoSource({ keepsSlab }: HostOptions["slabinfo"]): Source {
  return {
    name: "slabinfo",
    metrics,
    sampling: "steady",
    open({ env }) {
      const path = join(env.paths.procfs, "slabinfo");
      const file = openKeptFile(path, { initialBytes: 65_536 });
      if (!file) return absent(`${path} isn't there: the kernel lacks CONFIG_SLUB_DEBUG`);
      return createTableReader(file, {
        plan: (slots) => (line) => {
          // Before the caches there are the version and a heading.
          const slab = /^([^#\s]\S*)\s.*:\s*tunables\s.*:\s*slabdata\s/.exec(line)?.[1];
          if (slab === undefined) return null;
          return {
            keyBytes: slab.length + 1,
            slots: keepsSlab(slab) ? metrics.map((metric) => slots.slot(metric, { slab })) : [],
          };
        },
      });
    },
  };
}
