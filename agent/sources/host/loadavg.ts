/** Load averages from /proc/loadavg, as proc(5) tells them. */
import { join } from "node:path";
import { load1, load15, load5 } from "../../../core/catalog/cpu.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { scanDecimal, type Cursor } from "./scan.ts";
import { missing } from "./missing.ts";

const loads = [load1, load5, load15];

export const loadavgSource: Source = {
  name: "loadavg",
  metrics: loads,
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "loadavg");
    const file = openKeptFile(path, { initialBytes: 256 });
    if (!file) return absent(missing("loadavg", env.paths, path));
    const cursor: Cursor = { bytes: file.bytes, position: 0, end: 0 };
    let slots: number[] = [];
    return {
      register(registrar) {
        slots = loads.map((metric) => registrar.slot(metric, {}));
      },
      read(column) {
        file.read();
        cursor.bytes = file.bytes;
        cursor.position = 0;
        cursor.end = file.length;
        for (const slot of slots) column[slot] = scanDecimal(cursor);
      },
      close: () => file.close(),
    };
  },
};
