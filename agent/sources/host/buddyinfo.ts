/** Free memory by the size of its blocks from /proc/buddyinfo, as proc(5) tells it: a zone per line, a count per size. */
import { join } from "node:path";
import { freeBlocks } from "../../../core/catalog/memory-layout.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

const linePattern = /^Node (\d+), zone +(\S+) /;

export const buddyinfoSource: Source = {
  name: "buddyinfo",
  metrics: [freeBlocks],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "buddyinfo");
    const file = openKeptFile(path);
    if (!file) return absent(missing("buddyinfo", env.paths, path));
    return createTableReader(file, {
      plan: (slots) => (line) => {
        const match = linePattern.exec(line);
        if (!match) return null;
        const [head, node = "", zone = ""] = match;
        const counts = line.slice(head.length).trim().split(/\s+/);
        return {
          keyBytes: head.length,
          slots: counts.map((_, size) =>
            slots.slot(freeBlocks, { node, zone, size: String(size) }),
          ),
        };
      },
    });
  },
};
