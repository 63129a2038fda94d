/** The GPUs' part of the node board: what they do, what holds them back, and what is failing. */
import {
  add,
  age,
  aggregate,
  divide,
  increase,
  multiply,
  rate,
  value,
} from "../alerts/expression.ts";
import { gpuMissing } from "../alerts/fleet.ts";
import { gpuHot, gpuMemoryNearlyFull, gpuXid, gpuXidUnknown } from "../alerts/gpu.ts";
import * as gpu from "../core/catalog/gpu.ts";
import * as errors from "../core/catalog/gpu-errors.ts";
import type { Metric } from "../core/catalog/metric.ts";
import { figure, lines, one, table, timeline, type Query, type Row } from "./board.ts";
import { gpuDetailBoard } from "./gpu-detail.ts";

/** Grafana puts the panel's own interval in its place. */
const window = 60_000;
const gpuDetailUid = gpuDetailBoard.uid;
const perGpu = "{{instance}} gpu {{gpu}}";
const byGpu = ["instance", "gpu"] as const;
const notIdle = { reason: { excludes: /gpu_idle/ } } as const;

const memoryShare = divide(
  value(gpu.memoryUsed),
  add(value(gpu.memoryUsed), value(gpu.memoryFree)),
);

/** Where the value is over zero, the GPU needs hands; those at zero stand at the legend's end. */
function flag(metric: Metric, what: string): Query {
  return { expression: aggregate("max", byGpu, value(metric)), legend: `${perGpu} ${what}` };
}

function inRange(metric: Metric, what: string): Query {
  return {
    expression: aggregate("sum", byGpu, increase(value(metric), window)),
    legend: `${perGpu} ${what}`,
    over: "range",
  };
}

const overview: Row = {
  title: "GPUs at a glance",
  panels: [
    figure(
      "GPUs",
      "short",
      "GPUs that the agent lists. Fewer than the machine has: see the runbook.",
      one(aggregate("count", ["job"], value(gpu.temperature)), ""),
      { still: true, rules: [], width: 3 },
    ),
    figure(
      "Lost GPUs",
      "short",
      "GPUs that were there since the agent started and no longer answer or are no longer listed.",
      one(aggregate("sum", ["job"], value(errors.lost)), ""),
      { critical: 1, width: 3, needsFault: { kind: "gpu_off_bus" } },
    ),
    figure(
      "Mean utilisation",
      "percent",
      "Mean over all chosen GPUs of the share of time in which a kernel ran.",
      one(aggregate("avg", ["job"], value(gpu.utilization)), ""),
      { maximum: 100, width: 4 },
    ),
    figure(
      "Mean tensor activity",
      "percentunit",
      "Mean share of cycles in which the tensor pipes worked: the part of the utilisation that is training.",
      one(aggregate("avg", ["job"], value(gpu.tensorActive)), ""),
      { maximum: 1, width: 4 },
    ),
    figure(
      "Hottest GPU",
      "celsius",
      "The highest die temperature of the chosen GPUs.",
      one(aggregate("max", ["job"], value(gpu.temperature)), ""),
      { rules: [gpuHot], width: 5 },
    ),
    figure(
      "Power of all GPUs",
      "watt",
      "What the boards of all chosen GPUs draw together.",
      one(aggregate("sum", ["job"], value(gpu.powerUsage)), ""),
      { width: 5 },
    ),
  ],
};

const activity: Row = {
  title: "What the GPUs do",
  panels: [
    lines(
      "GPU utilisation",
      "percent",
      "Share of time in which a kernel ran. 100 % says busy, not well used: look at SM activity and power beside it.",
      one(value(gpu.utilization), perGpu),
      { maximum: 100 },
    ),
    lines(
      "SM activity",
      "percentunit",
      "Share of cycles in which the multiprocessors had work, over all of them. High utilisation with low activity: small kernels, or waiting for data.",
      [
        { expression: value(gpu.smActive), legend: perGpu },
        { expression: value(gpu.graphicsEngineActive), legend: `${perGpu} engine` },
      ],
      { maximum: 1 },
    ),
    lines(
      "Tensor cores",
      "percentunit",
      "Share of cycles in which a tensor pipe was busy. A rank whose line differs from its peers' in the same job holds them up.",
      one(value(gpu.tensorActive), perGpu),
      { maximum: 1, leadsTo: gpuDetailUid },
    ),
    lines(
      "Memory bandwidth",
      "percentunit",
      "Share of cycles in which GPU memory was moving data, and the driver's coarser figure for the same.",
      [
        { expression: value(gpu.dramActive), legend: perGpu },
        {
          expression: divide(value(gpu.memoryCopyUtilization), 100),
          legend: `${perGpu} driver's figure`,
        },
      ],
      { maximum: 1 },
    ),
    lines(
      "GPU memory used",
      "percentunit",
      "Used frame buffer over used and free. Near its end the next allocation may fail.",
      one(memoryShare, perGpu),
      { maximum: 1, rules: [gpuMemoryNearlyFull] },
    ),
    lines(
      "GPU memory by owner",
      "mbytes",
      "Frame buffer in MiB that programs have allocated, and what driver and firmware keep for themselves.",
      [
        { expression: value(gpu.memoryUsed), legend: `${perGpu} used` },
        { expression: value(gpu.memoryReserved), legend: `${perGpu} reserved`, still: true },
      ],
    ),
  ],
};

const heat: Row = {
  title: "Heat, power and clocks",
  panels: [
    lines(
      "GPU temperature",
      "celsius",
      "Die temperature; the line is GpuHot's threshold. Most data-centre GPUs slow themselves down at 85 to 90 °C.",
      one(value(gpu.temperature), perGpu),
      { rules: [gpuHot], leadsTo: gpuDetailUid },
    ),
    lines(
      "Memory temperature",
      "celsius",
      "Temperature of the GPU's memory (HBM), which has a limit of its own, often 95 °C.",
      one(value(gpu.memoryTemperature), perGpu),
      { warning: 95 },
    ),
    lines(
      "Degrees left before slowdown",
      "celsius",
      "Distance to the temperature at which this very GPU slows itself down; 0 is there. Comparable across models where the temperature isn't.",
      one(value(gpu.temperatureMargin), perGpu),
      { minimum: "any" },
    ),
    lines(
      "GPU power and its limit",
      "watt",
      "Board power, and the limit that the driver enforces. A GPU well below its siblings in the same job is the straggler.",
      [
        { expression: value(gpu.powerUsage), legend: perGpu },
        { expression: value(gpu.powerLimit), legend: `${perGpu} limit`, still: true },
      ],
    ),
    lines(
      "Mean power by the energy counter",
      "watt",
      "Growth of the energy counter: the true mean between two scrapes, peaks included that the power reading misses.",
      one(divide(rate(value(gpu.energyConsumption), window), 1000), perGpu),
    ),
    lines(
      "SM and memory clocks",
      "hertz",
      "Clocks of the multiprocessors and of the memory; they fall when heat or power limits them.",
      [
        { expression: multiply(value(gpu.smClock), 1e6), legend: `${perGpu} SM` },
        {
          expression: multiply(value(gpu.memoryClock), 1e6),
          legend: `${perGpu} memory`,
        },
      ],
      { needsFault: { kind: "power_brake" } },
    ),
    lines(
      "Time held back, by reason",
      "percentunit",
      "Share of time in which something held the clocks down; idling is left out. Heat and power brake need hands, the power cap is policy.",
      one(
        aggregate(
          "sum",
          [...byGpu, "reason"],
          rate(value(errors.throttleSeconds, notIdle), window),
        ),
        `${perGpu} {{reason}}`,
      ),
      { width: 12, needsFault: { kind: "power_brake" } },
    ),
    timeline(
      "Held back now",
      "Whether anything but idling holds a GPU's clocks down.",
      { 0: { text: "full speed", color: "green" }, 1: { text: "held back", color: "orange" } },
      one(aggregate("max", byGpu, value(errors.throttleActive, notIdle)), perGpu),
      { needsFault: { kind: "power_brake" } },
    ),
    lines(
      "Performance state",
      "none",
      "0 is the fastest, 15 the slowest; a busy GPU that isn't at 0 is held there by someone.",
      one(value(gpu.performanceState), perGpu),
      { width: 12, still: true },
    ),
    lines(
      "Fans",
      "percentunit",
      "Speed that each GPU asks its fan for; no line where the chassis cools the GPUs.",
      one(value(gpu.fan), perGpu),
      { width: 12, maximum: 1 },
    ),
  ],
};

const links: Row = {
  title: "Links",
  panels: [
    lines(
      "NVLink",
      "Bps",
      "Data over all NVLinks of a GPU, both ways, by the driver's counter.",
      one(multiply(rate(value(gpu.nvlinkBandwidth), window), 1024), perGpu),
    ),
    lines(
      "NVLink errors",
      "cps",
      "Errors a second over all links of a GPU, by kind. Recoveries cost a collective its rhythm; a rising rate is a cable, a connector or a switch port.",
      one(
        aggregate("sum", [...byGpu, "kind"], rate(value(errors.nvlinkErrors), window)),
        `${perGpu} {{kind}}`,
      ),
      { needsFault: { kind: "nvlink_flap" } },
    ),
    lines("PCIe traffic", "Bps", "What each GPU sends and receives over PCIe.", [
      { expression: value(gpu.pcieTransmitBytes), legend: `${perGpu} sent` },
      { expression: value(gpu.pcieReceiveBytes), legend: `${perGpu} received` },
    ]),
    lines(
      "PCIe link against what it could be",
      "percentunit",
      "Lanes and generation in use over the most that GPU and slot can. Below 100 % under load the link was trained down: reseat it. An idle GPU lowers its generation to save power.",
      [
        {
          expression: divide(value(gpu.pcieWidth), value(gpu.pcieWidthMaximum)),
          legend: `${perGpu} lanes`,
        },
        {
          expression: divide(value(gpu.pcieGeneration), value(gpu.pcieGenerationMaximum)),
          legend: `${perGpu} generation`,
        },
      ],
      { width: 12, maximum: 1, needsFault: { kind: "pcie_downgrade" } },
    ),
    lines(
      "PCIe replays",
      "cps",
      "Packets a second that had to be sent again: slot, riser or retimer.",
      one(rate(value(gpu.pcieReplays), window), perGpu),
      { width: 12, needsFault: { kind: "pcie_downgrade" } },
    ),
  ],
};

const faults: Row = {
  title: "Faults",
  panels: [
    lines(
      "GPUs that need hands",
      "short",
      "1 for each cause: lost, a row that waits for a reset, a row that has no spare, on-chip memory over its limit, or an action that the driver asks for.",
      [
        flag(errors.lost, "lost"),
        flag(errors.remapPending, "row remap pending"),
        flag(errors.remapFailure, "row remap failed"),
        flag(errors.sramThresholdExceeded, "SRAM errors over threshold"),
        {
          expression: aggregate(
            "max",
            [...byGpu, "action"],
            value(errors.recoveryAction, { action: { excludes: /none/ } }),
          ),
          legend: `${perGpu} driver wants {{action}}`,
        },
      ],
      {
        width: 12,
        rules: [gpuMissing],
        leadsTo: gpuDetailUid,
        needsFault: { kind: "row_remap_failure" },
      },
    ),
    lines(
      "XID events",
      "short",
      "Faults that the driver reported, by what has to be done about them. The runbook says what each code asks for.",
      one(
        aggregate("sum", [...byGpu, "action"], increase(value(errors.xidEvents), window)),
        `${perGpu} {{action}}`,
      ),
      {
        width: 12,
        rules: [gpuXid, gpuXidUnknown],
        leadsTo: gpuDetailUid,
        needsFault: { kind: "xid", code: 79 },
      },
    ),
    lines(
      "Time since the last XID",
      "s",
      "Per code, since the last one; a code that never came has no line. Under the line GpuXid fires for codes that need hands.",
      one(age(value(errors.xidLastEvent)), `${perGpu} xid {{xid}} {{action}}`),
      { rules: [gpuXid, gpuXidUnknown], needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "Corrected memory errors",
      "cps",
      "Errors a second that ECC corrected. A GPU far above its siblings is wearing out.",
      one(rate(value(errors.eccSingleBitVolatile), window), perGpu),
      { needsFault: { kind: "ecc_storm" } },
    ),
    lines(
      "Spare rows used up",
      "short",
      "Memory banks by how many spare rows they have left; those with all of them are left out. A bank with none cannot mend the next error.",
      one(
        aggregate(
          "sum",
          [...byGpu, "state"],
          value(errors.remapBanks, { state: { excludes: /max/ } }),
        ),
        `${perGpu} {{state}}`,
      ),
      { needsFault: { kind: "row_remap_failure" } },
    ),
    lines(
      "Uncorrected errors and replaced rows, in the time shown",
      "short",
      "What ECC could not correct, since the driver was loaded and by the GPU's own book, corrected errors by that book, and rows replaced by spares.",
      [
        inRange(errors.eccDoubleBitVolatile, "uncorrected"),
        inRange(errors.eccDoubleBitAggregate, "uncorrected, lifetime book"),
        inRange(errors.eccSingleBitAggregate, "corrected, lifetime book"),
        inRange(errors.remappedUncorrectable, "rows replaced, uncorrected"),
        inRange(errors.remappedCorrectable, "rows replaced, corrected"),
      ],
      { width: 24, needsFault: { kind: "row_remap_failure" } },
    ),
  ],
};

const inventory: Row = {
  title: "Which GPUs these are",
  collapsed: true,
  panels: [
    table(
      "GPU inventory",
      "Model, serial number, driver and VBIOS: what a return to the vendor asks for.",
      gpu.info,
      ["gpu", "model", "UUID", "serial", "pci_bus_id", "driver_version", "vbios_version"],
      { width: 16 },
    ),
    timeline(
      "Split into MIG instances",
      "A GPU that is split reports no utilisation as a whole.",
      { 0: { text: "whole", color: "text" }, 1: { text: "split", color: "blue" } },
      one(value(gpu.migEnabled), perGpu),
      { width: 8, still: true },
    ),
  ],
};

export const gpuRows: readonly Row[] = [overview, activity, heat, links, faults, inventory];
