/** The host's part of the node board: processors, memory, disks, filesystems and network under the GPUs. */
import {
  add,
  age,
  aggregate,
  divide,
  increase,
  leadingComparison,
  multiply,
  rate,
  subtract,
  value,
} from "../alerts/expression.ts";
import {
  cpuOverloaded,
  cpuPressure,
  diskLatency,
  filesystemFilling,
  memoryExhausted,
  networkErrors,
} from "../alerts/host.ts";
import * as betweenReadings from "../core/catalog/between-readings.ts";
import * as cpu from "../core/catalog/cpu.ts";
import * as disk from "../core/catalog/disk.ts";
import * as filesystem from "../core/catalog/filesystem.ts";
import { memory, memoryStatistic } from "../core/catalog/memory.ts";
import * as network from "../core/catalog/network.ts";
import * as pressure from "../core/catalog/pressure.ts";
import * as system from "../core/catalog/system.ts";
import { figure, lines, one, table, timeline, type Query, type Row } from "./board.ts";

/** Grafana puts the panel's own interval in its place. */
const window = 60_000;
const perNode = "{{instance}}";
const perDevice = "{{instance}} {{device}}";
const perMount = "{{instance}} {{mountpoint}}";
const bytesForm = { kind: "gauge", unit: "bytes", suffix: "_bytes" } as const;
const wired = { device: { excludes: /lo/ } } as const;
const real = { fstype: { excludes: /squashfs|erofs|iso9660|ramfs|efivarfs/ } } as const;

const idle = aggregate("avg", ["instance"], rate(value(cpu.cpuSeconds, { mode: "idle" }), window));
const processors = aggregate("count", ["instance", "job"], value(cpu.cpuSeconds, { mode: "idle" }));

function memoryOf(key: string, what: string): Query {
  return { expression: value(memory.metric(key, bytesForm)), legend: `${perNode} ${what}` };
}

const processorRow: Row = {
  title: "Processors",
  panels: [
    lines(
      "CPU busy",
      "percentunit",
      "Share of all processor time that was not idle.",
      one(add(multiply(idle, -1), 1), perNode),
      { maximum: 1, width: 6 },
    ),
    lines(
      "CPU by mode",
      "percentunit",
      "Where the processors spend their time. Much iowait: data loading; much system or softirq: network or storage interrupts.",
      one(
        aggregate(
          "avg",
          ["instance", "mode"],
          rate(value(cpu.cpuSeconds, { mode: { excludes: /idle/ } }), window),
        ),
        `${perNode} {{mode}}`,
      ),
      { width: 6 },
    ),
    lines(
      "CPU pressure",
      "percentunit",
      "Share of time in which something that could run had to wait for a processor (PSI).",
      one(rate(value(pressure.cpuWaiting), window), perNode),
      { width: 6, maximum: 1, rules: [cpuPressure] },
    ),
    lines(
      "Load per processor",
      "short",
      "Tasks that run or wait uninterruptibly over the number of processors: above 1 somebody waits.",
      [
        { expression: divide(value(cpu.load1), processors), legend: `${perNode} over 1 min` },
        {
          expression: leadingComparison(cpuOverloaded.condition).left,
          legend: `${perNode} over 5 min`,
        },
      ],
      { width: 6, rules: [cpuOverloaded] },
    ),
  ],
};

const memoryRow: Row = {
  title: "Memory",
  panels: [
    lines(
      "Memory available",
      "percentunit",
      "Share that can be given to programs without swapping, by the kernel's own estimate. Under the line the rule fires.",
      one(leadingComparison(memoryExhausted.condition).left, perNode),
      { maximum: 1, rules: [memoryExhausted] },
    ),
    lines(
      "Memory by use",
      "bytes",
      "What is available, free, and held as file cache: a data loader lives from the cache.",
      [
        memoryOf("MemAvailable", "available"),
        memoryOf("MemFree", "free"),
        memoryOf("Cached", "cached"),
      ],
    ),
    lines(
      "Memory pressure",
      "percentunit",
      "Share of time in which some task, or every one, waited for memory (PSI).",
      [
        { expression: rate(value(pressure.memoryWaiting), window), legend: `${perNode} some` },
        { expression: rate(value(pressure.memoryStalled), window), legend: `${perNode} all` },
      ],
      { maximum: 1, still: true },
    ),
    lines(
      "Page faults",
      "ops",
      "Faults a second, and those that had to read from a disk.",
      [
        {
          expression: rate(value(memoryStatistic.metric("pgfault")), window),
          legend: `${perNode} all`,
        },
        {
          expression: rate(value(memoryStatistic.metric("pgmajfault")), window),
          legend: `${perNode} from disk`,
          still: true,
        },
      ],
      { width: 12 },
    ),
    lines(
      "Killed for want of memory",
      "short",
      "Processes that the kernel killed because memory ran out.",
      one(increase(value(memoryStatistic.metric("oom_kill")), window), perNode),
      { width: 12, critical: 1, still: true },
    ),
  ],
};

const filesystemRow: Row = {
  title: "Filesystems",
  panels: [
    lines(
      "Space available",
      "percentunit",
      "Share of each filesystem that programs can still fill. Under the line the rule fires.",
      one(leadingComparison(filesystemFilling.condition).left, perMount),
      { maximum: 1, rules: [filesystemFilling] },
    ),
    lines(
      "Space used",
      "bytes",
      "Size less what is free, what is kept for root included.",
      one(subtract(value(filesystem.size, real), value(filesystem.free, real)), perMount),
    ),
    lines(
      "Inodes free",
      "percentunit",
      "Share of the files that each filesystem can still hold; many small checkpoints run out of inodes before space.",
      one(divide(value(filesystem.filesFree, real), value(filesystem.files, real)), perMount),
      { maximum: 1 },
    ),
    timeline(
      "Mounts that can't be written",
      "A kernel leaves a filesystem read-only after a disk error; some are meant to be.",
      { 0: { text: "writable", color: "green" }, 1: { text: "read-only", color: "orange" } },
      one(aggregate("max", ["instance", "mountpoint"], value(filesystem.readOnly, real)), perMount),
      { still: true },
    ),
    timeline(
      "Mounts that don't answer",
      "The kernel did not answer statfs in time, or with an error: a dead network filesystem hangs jobs and monitoring alike.",
      { 0: { text: "answers", color: "green" }, 1: { text: "hangs or fails", color: "red" } },
      one(
        aggregate("max", ["instance", "mountpoint"], value(filesystem.deviceError, real)),
        perMount,
      ),
      { still: true },
    ),
  ],
};

const diskRow: Row = {
  title: "Disks",
  panels: [
    lines(
      "Disk busy",
      "percentunit",
      "Share of time in which the disk had work; saturation for one that works on one request at a time.",
      one(rate(value(disk.ioSeconds), window), perDevice),
      { maximum: 1, width: 8 },
    ),
    lines("Disk throughput", "Bps", "Bytes read and written.", [
      { expression: rate(value(disk.readBytes), window), legend: `${perDevice} read` },
      { expression: rate(value(disk.writtenBytes), window), legend: `${perDevice} written` },
    ]),
    lines(
      "Time per request",
      "s",
      "Mean over reads and writes, time in the queue included; no line while the disk does nothing.",
      one(leadingComparison(diskLatency.condition).left, perDevice),
      { width: 8, rules: [diskLatency] },
    ),
    {
      kind: "heatmap",
      title: "Requests by how long they took",
      description:
        "Requests a second, queue included. A second band far above the first is what a mean hides: a slow path, or a drive that cleans up.",
      unit: "s",
      width: 18,
      queries: [
        { expression: { op: "buckets", of: betweenReadings.diskLatency }, legend: "{{le}}" },
      ],
    },
    lines(
      "I/O pressure",
      "percentunit",
      "Share of time in which some task, or every one, waited for a disk (PSI).",
      [
        { expression: rate(value(pressure.ioWaiting), window), legend: `${perNode} some` },
        { expression: rate(value(pressure.ioStalled), window), legend: `${perNode} all` },
      ],
      { width: 6, maximum: 1 },
    ),
  ],
};

const networkRow: Row = {
  title: "Network",
  panels: [
    lines("Network traffic", "Bps", "Bytes received and sent, without the loopback.", [
      {
        expression: rate(value(network.receiveBytes, wired), window),
        legend: `${perDevice} received`,
      },
      {
        expression: rate(value(network.transmitBytes, wired), window),
        legend: `${perDevice} sent`,
      },
    ]),
    lines(
      "Faulty packets",
      "percentunit",
      "Share of packets with an error, both ways: a cable, a transceiver or a port. Collectives slow down for every rank.",
      one(leadingComparison(networkErrors.condition).left, perDevice),
      { rules: [networkErrors], needsFault: { kind: "nic_loss" } },
    ),
    lines(
      "Dropped packets",
      "cps",
      "Packets that were received or to be sent and dropped for want of room: the host is too slow, or a queue too short.",
      [
        {
          expression: rate(value(network.receiveDropped, wired), window),
          legend: `${perDevice} received`,
        },
        {
          expression: rate(value(network.transmitDropped, wired), window),
          legend: `${perDevice} to be sent`,
        },
      ],
      { needsFault: { kind: "nic_loss" } },
    ),
  ],
};

const machineRow: Row = {
  title: "The machine",
  collapsed: true,
  panels: [
    figure(
      "Up since",
      "s",
      "Time since the kernel started.",
      one(age(value(system.bootTime)), perNode),
    ),
    figure(
      "Clock behind Prometheus",
      "s",
      "Prometheus' clock less the machine's at its last scrape: between 0 and the scrape interval when both are right.",
      one(age(value(system.time)), perNode),
      { minimum: "any" },
    ),
    table(
      "Kernels",
      "What each machine runs.",
      system.unameInfo,
      ["nodename", "release", "machine"],
      {
        width: 8,
      },
    ),
    table(
      "Drives",
      "Models, serial numbers and firmware: what a replacement asks for.",
      disk.diskInfo,
      ["device", "model", "serial", "revision", "rotational"],
      { width: 8 },
    ),
  ],
};

export const hostRows: readonly Row[] = [
  processorRow,
  memoryRow,
  filesystemRow,
  diskRow,
  networkRow,
  machineRow,
];
