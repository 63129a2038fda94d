/** Memory from /proc/meminfo, as proc(5) tells it: a key, a number, and kB where the number is a size. */
import { join } from "node:path";
import { memory } from "../../../core/catalog/memory.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";

/** `Active(anon):   1234 kB`; a line whose number is malformed still shows its form. */
const linePattern = /^([A-Za-z][\w()]{0,63}):[ \t]+(\S+)([ \t]+kB)?[ \t]*$/;
const bytesPerKibibyte = 1024;

export const meminfoSource: Source = {
  name: "meminfo",
  metrics: [memory],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "meminfo");
    const file = openKeptFile(path);
    if (!file) return absent(missing("meminfo", env.paths, path));
    return createTableReader(file, {
      plan: (slots) => (line) => {
        const match = linePattern.exec(line);
        if (!match?.[1]) return null;
        const isSize = match[3] !== undefined;
        const key = match[1].replace(/\((.*)\)/, "_$1").replaceAll(/\W/g, "");
        const metric = memory.metric(key, isSize ? { unit: "bytes", suffix: "_bytes" } : {});
        return {
          keyBytes: match[1].length + 1,
          slots: [slots.slot(metric, {})],
          multipliers: [isSize ? bytesPerKibibyte : 1],
        };
      },
    });
  },
};
