/** The system's part of the node board: what the kernel says, what is stuck, what GPU work rests on, and the groups that hold GPUs. */
import { age, aggregate, divide, increase, rate, value } from "../alerts/expression.ts";
import { fabricManagerDown, runtimeDown, serviceRestarts } from "../alerts/host-faults.ts";
import { processStuck } from "../alerts/host-hardware.ts";
import { driverFault, hungTask, kernelFault } from "../alerts/kernel-log.ts";
import * as cgroup from "../core/catalog/cgroup.ts";
import * as stack from "../core/catalog/gpu-stack.ts";
import * as kernelLog from "../core/catalog/kernel-log.ts";
import * as stuck from "../core/catalog/stuck-processes.ts";
import { lines, one, timeline, type Row } from "./board.ts";
import { course, flags, gain, sheet, trend, window } from "./plot.ts";

const perKind = "{{instance}} {{kind}}";
const perGroup = "{{instance}} {{cgroup}}";

const kernelRow: Row = {
  title: "What the kernel says",
  panels: [
    lines(
      "Faults in the kernel log, in the time shown",
      "short",
      "Faults that the kernel and its drivers logged, by kind; those that were put right by themselves are left out.",
      [
        {
          expression: aggregate(
            "sum",
            ["instance", "kind"],
            increase(
              value(kernelLog.kernelEvents, { severity: { matches: /warning|critical/ } }),
              window,
            ),
          ),
          legend: perKind,
          over: "range",
        },
      ],
      { warning: 1 },
    ),
    lines(
      "Time since the last of each kind",
      "s",
      "Since the kernel last logged it in this boot, by kind and severity. Beside a slow job it tells what happened then.",
      one(age(value(kernelLog.kernelLastEvent)), `${perKind} {{severity}}`),
      { rules: [driverFault, kernelFault, hungTask] },
    ),
    lines(
      "Put right by themselves",
      "cps",
      "Corrected errors and the like a second, by kind: one part that has many is wearing out.",
      one(
        aggregate(
          "sum",
          ["instance", "kind"],
          rate(value(kernelLog.kernelEvents, { severity: "info" }), window),
        ),
        perKind,
      ),
    ),
  ],
};

const stuckRow: Row = {
  title: "What is stuck",
  panels: [
    trend(
      "Stuck processes",
      "Zombies and processes in uninterruptible sleep at two looks or more, by command. They can't be killed, and keep their GPU.",
      [stuck.stuckProcesses],
      { width: 12 },
    ),
    trend(
      "Longest uninterruptible sleep",
      "For how long a process of each command waits in the kernel; over the line a ticket is opened. How old the look may be stands beside.",
      [stuck.uninterruptibleSeconds, { metric: stuck.scanSeconds, words: "time of a look" }],
      { width: 12, rules: [processStuck] },
    ),
  ],
};

const serviceRow: Row = {
  title: "What GPU work rests on",
  panels: [
    timeline(
      "Services that aren't running",
      "States of systemd other than active: a node without persistence daemon loads its driver anew for each job, without Fabric Manager nothing starts.",
      { 0: { text: "no", color: "green" }, 1: { text: "is so", color: "orange" } },
      [course({ metric: stack.stackServiceState, match: { state: { excludes: /active/ } } })],
      { width: 8, rules: [fabricManagerDown] },
    ),
    lines(
      "Restarts, in the time shown",
      "short",
      "How often systemd restarted a service by itself.",
      [gain({ metric: stack.stackServiceRestarts })],
      { width: 8, rules: [serviceRestarts] },
    ),
    flags(
      "Container runtimes and kubelet",
      "Whether each answers within two seconds and calls itself healthy, and the conditions that it tells.",
      [
        { text: "no", color: "red" },
        { text: "yes", color: "green" },
      ],
      [stack.runtimeUp, stack.runtimeCondition],
      { width: 8, rules: [runtimeDown] },
    ),
    trend(
      "Time to answer",
      "How long each runtime took to say how it is. It rises before one stops to answer: a full disk, or too many containers.",
      [stack.runtimeResponse],
      { width: 24, warning: 1 },
    ),
  ],
};

const groupRow: Row = {
  title: "Containers and jobs that hold GPUs",
  collapsed: true,
  panels: [
    trend(
      "Processors used",
      "Processor time of each group, by programs and in the kernel; 100 % is one processor. A loader at its quota starves the GPU.",
      [
        { metric: cgroup.cpuSeconds, words: "all" },
        { metric: cgroup.cpuUserSeconds, words: "programs" },
        { metric: cgroup.cpuSystemSeconds, words: "kernel" },
      ],
    ),
    lines(
      "Periods stopped by the quota",
      "percentunit",
      "Share of the periods in which the group used up its quota. Throttled loaders and NCCL threads make GPUs wait: raise the limit or take it away.",
      one(
        divide(
          rate(value(cgroup.cpuThrottledPeriods), window),
          rate(value(cgroup.cpuPeriods), window),
        ),
        perGroup,
      ),
      { maximum: 1, warning: 0.05 },
    ),
    trend(
      "Time stopped by the quota",
      "Share of time for which tasks of the group were stopped by the quota, all tasks together.",
      [cgroup.cpuThrottledSeconds],
    ),
    lines(
      "Memory against the limit",
      "percentunit",
      "Share of the limit that is charged, cache included. Without a limit there is no line.",
      one(divide(value(cgroup.memoryUsed), value(cgroup.memoryLimit)), perGroup),
      { maximum: 1, warning: 0.95 },
    ),
    trend(
      "Memory by group",
      "What is charged to the group, and what of it no file stands behind.",
      [
        { metric: cgroup.memoryUsed, words: "all" },
        { metric: cgroup.memoryAnonymous, words: "anonymous" },
        { metric: cgroup.memoryFile, words: "files" },
      ],
    ),
    lines(
      "Limits met and processes killed, in the time shown",
      "short",
      "Times that a group reached its memory limit, and processes of it that were killed for that.",
      [
        gain({ metric: cgroup.memoryLimitEvents, words: "limit" }),
        gain({ metric: cgroup.memoryKills, words: "killed" }),
      ],
      { critical: 1 },
    ),
    trend(
      "Waiting",
      "Share of time in which some task of the group waited for a processor, memory or I/O (PSI).",
      [
        { metric: cgroup.cpuWaiting, words: "processor" },
        { metric: cgroup.memoryWaiting, words: "memory" },
        { metric: cgroup.ioWaiting, words: "I/O" },
      ],
      { maximum: 1 },
    ),
    trend(
      "All waiting",
      "Share of time in which every task of the group that had work waited: the job stood still.",
      [
        { metric: cgroup.cpuStalled, words: "processor" },
        { metric: cgroup.memoryStalled, words: "memory" },
        { metric: cgroup.ioStalled, words: "I/O" },
      ],
      { maximum: 1, warning: 0.1 },
    ),
    trend("Disks by group", "What each group reads from and writes to block devices.", [
      { metric: cgroup.readBytes, words: "read" },
      { metric: cgroup.writtenBytes, words: "written" },
    ]),
    trend(
      "Requests by group",
      "Reads and writes a second. Many small ones at little throughput are a data set of small files.",
      [
        { metric: cgroup.reads, words: "reads" },
        { metric: cgroup.writes, words: "writes" },
      ],
      { width: 12 },
    ),
    trend(
      "Groups and processes that aren't told",
      "Groups over the bound, and processes whose files may not be looked at: the agent lacks a right.",
      [
        { metric: cgroup.leftOut, words: "groups left out" },
        { metric: cgroup.processesUnreadable, words: "processes unreadable" },
      ],
      { width: 12, warning: 1 },
    ),
    sheet("Groups", "Whose each group is, its tasks, and the most memory it ever had.", {
      facts: cgroup.info,
      by: ["cgroup"],
      columns: ["cgroup", "pod_uid", "container_id", "job_id"],
      numbers: [
        ["Tasks", cgroup.tasks],
        ["Tasks limit", cgroup.taskLimit],
        ["Memory peak", cgroup.memoryPeak],
        ["Memory limit", cgroup.memoryLimit],
      ],
    }),
  ],
};

export const systemRows: readonly Row[] = [kernelRow, stuckRow, serviceRow, groupRow];
