/** The files of a control group and what their texts say, for both versions: the kernel's admin-guide/cgroup-v2, cgroup-v1 and accounting/psi documents. */
import * as cgroup from "../../../core/catalog/cgroup.ts";
import type { Metric } from "../../../core/catalog/metric.ts";

type GroupMetric = Metric<"cgroup">;
type Say = (metric: GroupMetric, value: number) => void;

export interface CgroupFile {
  readonly controller: string;
  readonly name: string;
  /** Says every metric of the file, in the same order each time; NaN for what the text doesn't hold. */
  readonly tell: (text: string, say: Say) => void;
}

const microseconds = 1e6;
const nanoseconds = 1e9;
/** Version 1 writes no limit as the largest multiple of a page. */
const noLimit = 2 ** 62;
/** A page is all that is read of a file: what fills it may have lost its end. */
const fullPage = 4000;

const version2: readonly CgroupFile[] = [
  keyed("cpu", "cpu.stat", [
    ["usage_usec", cgroup.cpuSeconds, microseconds],
    ["user_usec", cgroup.cpuUserSeconds, microseconds],
    ["system_usec", cgroup.cpuSystemSeconds, microseconds],
    ["nr_periods", cgroup.cpuPeriods, 1],
    ["nr_throttled", cgroup.cpuThrottledPeriods, 1],
    ["throttled_usec", cgroup.cpuThrottledSeconds, microseconds],
  ]),
  single("memory", "memory.current", cgroup.memoryUsed),
  single("memory", "memory.max", cgroup.memoryLimit),
  single("memory", "memory.peak", cgroup.memoryPeak),
  keyed("memory", "memory.stat", [
    ["anon", cgroup.memoryAnonymous, 1],
    ["file", cgroup.memoryFile, 1],
  ]),
  keyed("memory", "memory.events", [
    ["max", cgroup.memoryLimitEvents, 1],
    ["oom_kill", cgroup.memoryKills, 1],
  ]),
  {
    controller: "io",
    name: "io.stat",
    tell(text, say) {
      say(cgroup.readBytes, sumOf(text, /\brbytes=(\d+)/g));
      say(cgroup.writtenBytes, sumOf(text, /\bwbytes=(\d+)/g));
      say(cgroup.reads, sumOf(text, /\brios=(\d+)/g));
      say(cgroup.writes, sumOf(text, /\bwios=(\d+)/g));
    },
  },
  single("pids", "pids.current", cgroup.tasks),
  single("pids", "pids.max", cgroup.taskLimit),
  pressure("cpu.pressure", cgroup.cpuWaiting, cgroup.cpuStalled),
  pressure("memory.pressure", cgroup.memoryWaiting, cgroup.memoryStalled),
  pressure("io.pressure", cgroup.ioWaiting, cgroup.ioStalled),
];

const version1: readonly CgroupFile[] = [
  single("cpuacct", "cpuacct.usage", cgroup.cpuSeconds, nanoseconds),
  single("cpuacct", "cpuacct.usage_user", cgroup.cpuUserSeconds, nanoseconds),
  single("cpuacct", "cpuacct.usage_sys", cgroup.cpuSystemSeconds, nanoseconds),
  keyed("cpu", "cpu.stat", [
    ["nr_periods", cgroup.cpuPeriods, 1],
    ["nr_throttled", cgroup.cpuThrottledPeriods, 1],
    ["throttled_time", cgroup.cpuThrottledSeconds, nanoseconds],
  ]),
  single("memory", "memory.usage_in_bytes", cgroup.memoryUsed),
  single("memory", "memory.limit_in_bytes", cgroup.memoryLimit),
  single("memory", "memory.max_usage_in_bytes", cgroup.memoryPeak),
  keyed("memory", "memory.stat", [
    ["total_rss", cgroup.memoryAnonymous, 1],
    ["total_cache", cgroup.memoryFile, 1],
  ]),
  single("memory", "memory.failcnt", cgroup.memoryLimitEvents),
  keyed("memory", "memory.oom_control", [["oom_kill", cgroup.memoryKills, 1]]),
  {
    controller: "blkio",
    name: "blkio.throttle.io_service_bytes",
    tell(text, say) {
      say(cgroup.readBytes, sumOf(text, /^\d+:\d+ Read (\d+)$/gm));
      say(cgroup.writtenBytes, sumOf(text, /^\d+:\d+ Write (\d+)$/gm));
    },
  },
  single("pids", "pids.current", cgroup.tasks),
  single("pids", "pids.max", cgroup.taskLimit),
];

export const cgroupFiles: Readonly<Record<1 | 2, readonly CgroupFile[]>> = {
  1: version1,
  2: version2,
};

/** A number that is all there is; `max` and what stands for it is no limit. */
function single(controller: string, name: string, metric: GroupMetric, divisor = 1): CgroupFile {
  return {
    controller,
    name,
    tell(text, say) {
      const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      say(metric, number < noLimit ? number / divisor : Number.NaN);
    },
  };
}

/** `key number` a line. */
function keyed(
  controller: string,
  name: string,
  keys: readonly (readonly [string, GroupMetric, number])[],
): CgroupFile {
  const patterns = keys.map(
    ([key, metric, divisor]) => [new RegExp(`^${key} (\\d+)$`, "m"), metric, divisor] as const,
  );
  return {
    controller,
    name,
    tell(text, say) {
      for (const [pattern, metric, divisor] of patterns)
        say(metric, Number(pattern.exec(text)?.[1] ?? Number.NaN) / divisor);
    },
  };
}

function pressure(name: string, some: GroupMetric, full: GroupMetric): CgroupFile {
  const total = (text: string, kind: string): number => {
    const found = new RegExp(`^${kind} .*total=(\\d+)$`, "m").exec(text);
    return Number(found?.[1] ?? Number.NaN) / microseconds;
  };
  return {
    controller: "",
    name,
    tell(text, say) {
      say(some, total(text, "some"));
      say(full, total(text, "full"));
    },
  };
}

/** Over all devices; nothing done yet is an empty file and zero. */
function sumOf(text: string, pattern: RegExp): number {
  if (text.length >= fullPage) return Number.NaN;
  let sum = 0;
  for (const [, digits] of text.matchAll(pattern)) sum += Number(digits);
  return sum;
}
