/** How long requests of disks took between two readings of /proc/diskstats, as a histogram; by the kernel's admin-guide/iostats. */
import { join } from "node:path";
import { diskLatency } from "../../../core/catalog/between-readings.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import {
  declareHistogram,
  emptyHistogram,
  type HistogramSeries,
  type HistogramState,
} from "../histogram.ts";
import { absent, type Reader, type Source } from "../source.ts";
import { createCounterLines } from "./counter-lines.ts";
import { partOf } from "./device.ts";
import type { FileShare, KeptFile } from "./kept-file.ts";
import { decodeName } from "./line-table.ts";
import { missing } from "./missing.ts";
import type { HostOptions } from "./options.ts";

/** Which columns count the requests that ended and the milliseconds that they took. */
const directions = [
  { direction: "read", requestColumn: 0, millisecondColumn: 3 },
  { direction: "write", requestColumn: 4, millisecondColumn: 7 },
] as const;
const columns = 8;
/** The kernel prints milliseconds in 32 bits, requests in 64. */
const millisecondWrap = 2 ** 32;
const linePattern = /^[ \t]*\d+[ \t]+\d+[ \t]+(\S+)[ \t]+/;

/** What is remembered of one direction of a disk. */
interface Memory {
  requests: number;
  milliseconds: number;
  readonly histogram: HistogramState;
}

interface Watched {
  readonly disk: number;
  readonly requestColumn: number;
  readonly millisecondColumn: number;
  readonly memory: Memory;
  readonly series: HistogramSeries;
}

export function createDiskLatencySource(
  share: FileShare,
  { keepsDevice }: HostOptions["diskstats"],
): Source {
  return {
    name: "disk_latency",
    metrics: [diskLatency],
    sampling: "fast",
    open({ env, host }) {
      const path = join(env.paths.procfs, "diskstats");
      const file = share.open(path, env.clock);
      return file
        ? createReader(file, keepsDevice, host)
        : absent(missing("block", env.paths, path));
    },
  };
}

function createReader(
  file: KeptFile,
  keepsDevice: (name: string) => boolean,
  host: Device,
): Reader {
  const lines = createCounterLines(file, columns, (line) => {
    const [key = "", name = ""] = linePattern.exec(line) ?? [];
    return keepsDevice(name) && name !== "" ? { name, keyBytes: key.length } : null;
  });
  /** By disk and direction; a disk that goes is forgotten. */
  let memories = new Map<string, Memory>();
  let watched: Watched[] = [];

  function register(slots: SlotRegistrar): void {
    const before = memories;
    memories = new Map();
    watched = [];
    lines.learn().forEach((name, disk) => {
      const device = decodeName(name);
      const part = partOf(host, "drive", device);
      for (const { direction, ...places } of directions) {
        const key = `${direction} ${name}`;
        const memory = before.get(key) ?? {
          requests: Number.NaN,
          milliseconds: Number.NaN,
          histogram: emptyHistogram(diskLatency),
        };
        memories.set(key, memory);
        const series = declareHistogram(
          slots,
          diskLatency,
          { device, direction },
          memory.histogram,
          part,
        );
        watched.push({ disk, ...places, memory, series });
      }
    });
  }

  return {
    register,
    read(column) {
      if (!lines.read()) return "changed";
      for (const { disk, requestColumn, millisecondColumn, memory, series } of watched) {
        const requests = lines.value(disk, requestColumn);
        const milliseconds = lines.value(disk, millisecondColumn);
        const ended = requests - memory.requests;
        const passed = milliseconds - memory.milliseconds;
        const took = passed < 0 ? passed + millisecondWrap : passed;
        // Nothing ended, nothing known before, or a disk that counts anew.
        if (ended > 0 && took >= 0) series.observe(took / 1000 / ended, ended);
        memory.requests = requests;
        memory.milliseconds = milliseconds;
        series.write(column);
      }
      return undefined;
    },
    close: () => file.close(),
  };
}
