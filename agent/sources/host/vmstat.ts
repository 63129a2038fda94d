/** Paging and out-of-memory counts from /proc/vmstat: the keys of the kernel's mm/vmstat.c that node_exporter keeps by default. */
import { join } from "node:path";
import { memoryStatistic } from "../../../core/catalog/memory.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

export function createVmstatSource({ keepsField }: HostOptions["vmstat"]): Source {
  return {
    name: "vmstat",
    metrics: [memoryStatistic],
    sampling: "fast",
    open({ env }) {
      const path = join(env.paths.procfs, "vmstat");
      const file = openKeptFile(path, { initialBytes: 16_384 });
      if (!file) return absent(missing("vmstat", env.paths, path));
      return createTableReader(file, {
        plan: (slots) => (line) => {
          const key = /^(\w+) /.exec(line)?.[1];
          if (key === undefined) return null;
          return {
            keyBytes: key.length + 1,
            slots: keepsField(key) ? [slots.slot(memoryStatistic.metric(key), {})] : [],
          };
        },
      });
    },
  };
}
