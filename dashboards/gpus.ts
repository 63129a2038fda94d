/** The board for GPUs of any make: one set of panels over the names that NVIDIA, AMD, Intel and Google share. */
import { aggregate, divide, increase, rate, value } from "../alerts/expression.ts";
import { uncorrectedErrors } from "../alerts/gpu-neutral.ts";
import * as gpu from "../core/catalog/gpu.ts";
import * as errors from "../core/catalog/gpu-errors.ts";
import * as neutral from "../core/catalog/gpu-neutral.ts";
import { figure, lines, one, table, type Board, type Row } from "./board.ts";

/** Grafana puts the panel's own interval in its place. */
const window = 60_000;
const perGpu = "{{instance}} {{vendor}} {{gpu}}";
const byVendor = ["vendor"] as const;

const memoryShare = divide(value(neutral.memoryUsed), value(neutral.memoryTotal));

const overview: Row = {
  title: "All makes at a glance",
  panels: [
    figure(
      "GPUs by make",
      "short",
      "GPUs that tell their temperature, by who made them.",
      one(
        aggregate(
          "count",
          byVendor,
          value(neutral.temperature, { sensor: { excludes: /memory/ } }),
        ),
        "{{vendor}}",
      ),
      { still: true, width: 6 },
    ),
    figure(
      "Lost",
      "short",
      "GPUs that were there since their agent started and are no longer.",
      one(aggregate("sum", ["job"], value(errors.lost)), ""),
      { critical: 1, width: 3, needsFault: { kind: "gpu_off_bus" } },
    ),
    figure(
      "Mean utilisation by make",
      "percentunit",
      "Mean share of time at work. Each driver takes it its own way: compare a make with itself.",
      one(aggregate("avg", byVendor, value(neutral.utilization)), "{{vendor}}"),
      { maximum: 1, width: 5 },
    ),
    figure(
      "Hottest place",
      "celsius",
      "The highest temperature of any sensor; limits differ by make, so look at the degrees left, too.",
      one(aggregate("max", byVendor, value(neutral.temperature)), "{{vendor}}"),
      { width: 5 },
    ),
    figure(
      "Power by make",
      "watt",
      "What all chosen GPUs of a make draw together.",
      one(aggregate("sum", byVendor, value(neutral.power)), "{{vendor}}"),
      { width: 5 },
    ),
  ],
};

const activity: Row = {
  title: "What they do",
  panels: [
    lines(
      "Utilisation",
      "percentunit",
      "Share of time in which the GPU was at work. Intel's drivers tell none through files.",
      one(value(neutral.utilization), perGpu),
      { maximum: 1 },
    ),
    lines(
      "Memory taken",
      "percentunit",
      "Memory that is taken over what there is; near its end the next allocation may fail.",
      one(memoryShare, perGpu),
      { maximum: 1 },
    ),
    lines("Memory taken in bytes", "bytes", "What is taken, and what there is.", [
      { expression: value(neutral.memoryUsed), legend: perGpu },
      { expression: value(neutral.memoryTotal), legend: `${perGpu} total`, still: true },
    ]),
    lines(
      "Clocks of AMD and Intel GPUs",
      "hertz",
      "Clocks of the core, the memory and the media engines; NVIDIA's are on the node board.",
      one(value(neutral.clock), `${perGpu} {{domain}}`),
    ),
  ],
};

const heat: Row = {
  title: "Heat and power",
  panels: [
    lines(
      "Temperature",
      "celsius",
      "By sensor: the core, its hottest place, the memory.",
      one(value(neutral.temperature), `${perGpu} {{sensor}}`),
    ),
    lines(
      "Degrees left before the GPU slows down",
      "celsius",
      "Distance to the chip's own limit: comparable across makes where the temperature isn't.",
      one(value(gpu.temperatureMargin), "{{instance}} {{UUID}}"),
      { minimum: "any" },
    ),
    lines(
      "Power",
      "watt",
      "What each GPU draws; where a driver counts energy only, the mean between two readings.",
      one(value(neutral.power), perGpu),
    ),
    lines(
      "Mean power by AMD's and Intel's energy counters",
      "watt",
      "Growth of the energy counter: the true mean between two scrapes, peaks included.",
      one(rate(value(neutral.energy), window), perGpu),
    ),
  ],
};

const faults: Row = {
  title: "Errors",
  panels: [
    lines(
      "Errors of memories and units",
      "cps",
      "Errors a second by what became of them. Corrected ones cost nothing until they come in storms.",
      one(rate(value(neutral.errors), window), `${perGpu} {{kind}}`),
      { width: 12, rules: [uncorrectedErrors], needsFault: { kind: "ecc_storm" } },
    ),
    lines(
      "Errors in the chosen time",
      "short",
      "How many of each kind there were, over all that is shown.",
      [
        {
          expression: aggregate(
            "sum",
            [...byVendor, "kind"],
            increase(value(neutral.errors), window),
          ),
          legend: "{{vendor}} {{kind}}",
          over: "range",
        },
      ],
      { width: 12, needsFault: { kind: "ecc_storm" } },
    ),
    table("Which GPUs there are", "Make, place and versions of each.", gpu.info, [
      "gpu",
      "UUID",
      "model",
      "pci_bus_id",
      "serial",
      "driver_version",
      "vbios_version",
    ]),
  ],
};

export const gpusBoard: Board = {
  uid: "warpwatch-gpus",
  title: "Warpwatch / GPUs of any make",
  description: "NVIDIA, AMD, Intel and Google side by side, over the names that they share.",
  instancesOf: gpu.info,
  gpusOf: gpu.info,
  rows: [overview, activity, heat, faults],
};
