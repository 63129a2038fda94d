/** The board for one node or a few: its GPUs first, then the host under them. */
import {
  aggregate,
  divide,
  increase,
  multiply,
  rate,
  subtract,
  value,
  type Expression,
} from "../alerts/expression.ts";
import * as cpu from "../core/catalog/cpu.ts";
import * as disk from "../core/catalog/disk.ts";
import * as filesystem from "../core/catalog/filesystem.ts";
import * as gpu from "../core/catalog/gpu.ts";
import * as gpuErrors from "../core/catalog/gpu-errors.ts";
import { memory } from "../core/catalog/memory.ts";
import * as network from "../core/catalog/network.ts";
import * as pressure from "../core/catalog/pressure.ts";
import * as self from "../core/catalog/self.ts";
import type { Board, Panel, Query } from "./board.ts";

/** Grafana puts the dashboard's own rate interval in its place. */
const window = 60_000;
const perGpu = "{{instance}} gpu {{gpu}}";
const bytesForm = { kind: "gauge", unit: "bytes", suffix: "_bytes" } as const;

function one(expression: Expression, legend: string): readonly Query[] {
  return [{ expression, legend }];
}

function series(
  title: string,
  unit: Panel["unit"],
  description: string,
  queries: readonly Query[],
  extra: Partial<Panel> = {},
): Panel {
  return { kind: "timeseries", title, unit, description, queries, width: 8, ...extra };
}

const memoryShare = divide(value(gpu.memoryUsed), {
  op: "+",
  left: value(gpu.memoryUsed),
  right: value(gpu.memoryFree),
});
const idle = aggregate("avg", ["instance"], rate(value(cpu.cpuSeconds, { mode: "idle" }), window));
const busy: Expression = {
  op: "+",
  left: multiply(idle, -1),
  right: 1,
};

export const nodeBoard: Board = {
  uid: "warpwatch-node",
  title: "Warpwatch / Node and GPUs",
  description:
    "What the GPUs of a node do, how hot and how sound they are, and the host under them.",
  instancesOf: self.sourceUp,
  rows: [
    {
      title: "GPUs",
      panels: [
        series(
          "GPU utilisation",
          "percent",
          "Share of time in which a kernel ran. 100 % says busy, not well used: look at power beside it.",
          one(value(gpu.utilization), perGpu),
          { maximum: 100 },
        ),
        series(
          "GPU temperature",
          "celsius",
          "Die temperature. Most data-centre GPUs slow themselves down at 85 to 90 °C.",
          one(value(gpu.temperature), perGpu),
          { warning: 83, critical: 87 },
        ),
        series(
          "GPU power",
          "watt",
          "Board power. A GPU well below its siblings in the same job is the straggler.",
          one(value(gpu.powerUsage), perGpu),
        ),
        series(
          "GPU memory used",
          "percentunit",
          "Used frame buffer over used and free. Above 90 % the next allocation may fail.",
          one(memoryShare, perGpu),
          { maximum: 1, warning: 0.9 },
        ),
        series(
          "SM clock",
          "hertz",
          "Clock of the streaming multiprocessors; falls when heat or power limits it.",
          one(multiply(value(gpu.smClock), 1e6), perGpu),
        ),
        series(
          "NVLink bandwidth counter",
          "short",
          "Growth of the NVLink counter as the driver gives it, all links together.",
          one(rate(value(gpu.nvlinkBandwidth), window), perGpu),
        ),
      ],
    },
    {
      title: "GPU faults",
      panels: [
        series(
          "Memory errors",
          "short",
          "Corrected (single-bit) and uncorrected (double-bit) ECC errors since the driver loaded.",
          [
            { expression: value(gpuErrors.eccSingleBitVolatile), legend: `${perGpu} corrected` },
            { expression: value(gpuErrors.eccDoubleBitVolatile), legend: `${perGpu} uncorrected` },
          ],
        ),
        series(
          "XID events in the window",
          "short",
          "Faults that the driver reported. The runbook of GpuXid says what each code asks for.",
          one(increase(value(gpuErrors.xidEvents), window), `${perGpu} {{action}}`),
        ),
        series(
          "Time since the last XID",
          "s",
          "Per code, since the last one; a code that never came has no line.",
          one({ op: "age", of: value(gpuErrors.xidLastEvent) }, `${perGpu} xid {{xid}}`),
          { needsFault: "xid" },
        ),
      ],
    },
    {
      title: "Host",
      panels: [
        series(
          "CPU busy",
          "percentunit",
          "Share of all CPU time that was not idle.",
          one(busy, "{{instance}}"),
          {
            maximum: 1,
          },
        ),
        series(
          "Memory available",
          "bytes",
          "What can be given to programs without swapping, by the kernel's own estimate.",
          one(value(memory.metric("MemAvailable", bytesForm)), "{{instance}}"),
        ),
        series(
          "CPU pressure",
          "percentunit",
          "Share of time in which something that could run had to wait for a CPU (PSI).",
          one(rate(value(pressure.cpuWaiting), window), "{{instance}}"),
        ),
        series(
          "Filesystem used",
          "percentunit",
          "One minus available over size.",
          one(
            {
              op: "+",
              left: multiply(divide(value(filesystem.available), value(filesystem.size)), -1),
              right: 1,
            },
            "{{instance}} {{mountpoint}}",
          ),
          { maximum: 1, warning: 0.9, critical: 0.97 },
        ),
        series("Network", "Bps", "Received and sent, without the loopback.", [
          {
            expression: rate(value(network.receiveBytes, { device: { excludes: /lo/ } }), window),
            legend: "{{instance}} {{device}} received",
          },
          {
            expression: rate(value(network.transmitBytes, { device: { excludes: /lo/ } }), window),
            legend: "{{instance}} {{device}} sent",
          },
        ]),
        series(
          "Disk busy",
          "percentunit",
          "Share of time in which the disk had work; saturation for one that works on one request at a time.",
          one(rate(value(disk.ioSeconds), window), "{{instance}} {{device}}"),
          { maximum: 1 },
        ),
      ],
    },
    {
      title: "The agent itself",
      panels: [
        series(
          "Sources down",
          "short",
          "Sources that exist on the node and could not be read: nothing they measure is known.",
          one(
            subtract(
              aggregate("count", ["instance"], value(self.sourceUp)),
              aggregate("sum", ["instance"], value(self.sourceUp)),
            ),
            "{{instance}}",
          ),
          { kind: "stat", critical: 1 },
        ),
        series(
          "Time per source",
          "s",
          "How long the last read of each source took.",
          one(value(self.sourceDuration), "{{instance}} {{source}}"),
          { width: 16 },
        ),
      ],
    },
  ],
};
