/** Sockets by protocol and state from /proc/net/sockstat and sockstat6: `TCP: inuse 5 orphan 0 …`. */
import { join } from "node:path";
import { socketStatistic } from "../../../core/catalog/net-statistics.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { joinReaders } from "./join-readers.ts";
import { openKeptFile } from "./kept-file.ts";
import { pageSize } from "./page-size.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

const keptFields: ReadonlySet<string> = new Set([
  "used",
  "inuse",
  "orphan",
  "tw",
  "alloc",
  "mem",
  "memory",
]);

export const sockstatSource: Source = {
  name: "sockstat",
  metrics: [socketStatistic],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.procfs, "net");
    const readers = ["sockstat", "sockstat6"].flatMap((name) => openFile(join(folder, name)));
    if (readers.length === 0)
      return absent(missing("protocols", env.paths, join(folder, "sockstat")));
    return joinReaders(readers);
  },
};

function openFile(path: string): Reader[] {
  const file = openKeptFile(path, { initialBytes: 1024 });
  if (!file) return [];
  /** Slots of pages, each with that of the same as bytes. */
  let pages: (readonly [number, number])[] = [];
  const reader = createTableReader(file, {
    plan(slots) {
      pages = [];
      return (line) => {
        const [protocol = "", ...words] = line.trim().split(/\s+/);
        if (!/^\w+:$/.test(protocol)) return null;
        const name = protocol.slice(0, -1);
        const found = words.map((_, index) => {
          const field = words[index - 1] ?? "";
          // Names and numbers take turns.
          if (index % 2 === 0 || !keptFields.has(field)) return -1;
          const slot = slots.slot(socketStatistic.metric(`${name}_${field}`), {});
          const size = { unit: "bytes", suffix: "_bytes" } as const;
          if (field === "mem")
            pages.push([slot, slots.slot(socketStatistic.metric(`${name}_mem`, size), {})]);
          return slot;
        });
        return { keyBytes: protocol.length, slots: found };
      };
    },
    finish(column) {
      for (const [slot, bytes] of pages) column[bytes] = (column[slot] ?? Number.NaN) * pageSize();
    },
  });
  return [reader];
}
