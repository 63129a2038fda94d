/** Pressure stall information from /proc/pressure, as the kernel's accounting/psi document has it. */
import { join } from "node:path";
import type { Metric } from "../../../core/catalog/metric.ts";
import * as pressure from "../../../core/catalog/pressure.ts";
import { systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import { absent, type Absent, type Reader, type Source } from "../source.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import { nextLine, scanUnsigned, type Cursor } from "./scan.ts";
import { missing } from "./missing.ts";

/** `some`: at least one task waited; `full`: all that had work did. The kernel has no meaningful `full` for processors and no `some` for interrupts. */
const resources: readonly {
  readonly name: string;
  readonly some?: Metric<never>;
  readonly full?: Metric<never>;
}[] = [
  { name: "cpu", some: pressure.cpuWaiting },
  { name: "io", some: pressure.ioWaiting, full: pressure.ioStalled },
  { name: "memory", some: pressure.memoryWaiting, full: pressure.memoryStalled },
  { name: "irq", full: pressure.interruptStalled },
];
const totalMark = Buffer.from("total=");
const someInitial = "s".charCodeAt(0);
const fullInitial = "f".charCodeAt(0);

interface Watched {
  readonly file: KeptFile;
  readonly some: Metric<never> | undefined;
  readonly full: Metric<never> | undefined;
  someSlot: number;
  fullSlot: number;
}

export const pressureSource: Source = {
  name: "pressure",
  metrics: Object.values(pressure),
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.procfs, "pressure");
    const watched: Watched[] = [];
    try {
      for (const { name, some, full } of resources) {
        const file = openKeptFile(join(folder, name), { initialBytes: 512 });
        if (!file) continue;
        watched.push({ file, some, full, someSlot: -1, fullSlot: -1 });
        file.read();
      }
    } catch (error) {
      for (const { file } of watched) file.close();
      return absentIfSwitchedOff(error, folder);
    }
    if (watched.length === 0) return absent(missing("pressure", env.paths, folder));
    return createPressureReader(watched);
  },
};

/** A kernel built with PSI but started without it lets its files be opened and refuses to read them. */
function absentIfSwitchedOff(error: unknown, folder: string): Absent {
  const cause = error instanceof WarpwatchError ? error.cause : error;
  if (systemCode(cause) !== "ENOTSUP" && systemCode(cause) !== "EOPNOTSUPP") throw error;
  return absent(
    `${folder} is switched off (CONFIG_PSI_DEFAULT_DISABLED): start the kernel with psi=1`,
  );
}

function createPressureReader(watched: readonly Watched[]): Reader {
  const cursor: Cursor = { bytes: totalMark, position: 0, end: 0 };
  return {
    register(slots) {
      for (const entry of watched) {
        if (entry.some) entry.someSlot = slots.slot(entry.some, {});
        if (entry.full) entry.fullSlot = slots.slot(entry.full, {});
      }
    },
    read(column) {
      for (const { file, someSlot, fullSlot } of watched) {
        file.read();
        const { bytes, length } = file;
        for (let start = 0; start < length; start = nextLine(bytes, start, length)) {
          const slot =
            bytes[start] === someInitial ? someSlot : bytes[start] === fullInitial ? fullSlot : -1;
          if (slot < 0) continue;
          const end = nextLine(bytes, start, length);
          const mark = bytes.indexOf(totalMark, start);
          if (mark === -1 || mark >= end) continue;
          cursor.bytes = bytes;
          cursor.position = mark + totalMark.length;
          cursor.end = end;
          column[slot] = scanUnsigned(cursor) / 1000 / 1000;
        }
      }
    },
    close() {
      for (const { file } of watched) file.close();
    },
  };
}
