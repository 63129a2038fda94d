/** The part of the board of GPUs in depth that tells how a GPU wears out: memory and its repairs, links, and which parts it is made of. */
import { aggregate, divide, rate, value } from "../alerts/expression.ts";
import {
  fabricUnhealthy,
  gpuNvlinkDown,
  gpuRowRemapFailed,
  gpuUncorrectableEcc,
} from "../alerts/gpu-faults.ts";
import {
  correctableEccRate,
  memoryUnrepairable,
  remapBanksLow,
  repairPending,
} from "../alerts/gpu-health.ts";
import * as details from "../core/catalog/gpu-details.ts";
import * as errors from "../core/catalog/gpu-errors.ts";
import * as gpu from "../core/catalog/gpu.ts";
import { lines, one, table, timeline, type Row } from "./board.ts";
import { course, flags, gain, legendOf, sheet, trend, window } from "./plot.ts";

const perGpu = "{{instance}} gpu {{gpu}}";
const byGpu = ["instance", "gpu"] as const;
const no = { text: "no", color: "green" } as const;
const yes = { text: "yes", color: "red" } as const;

const memory: Row = {
  title: "Memory and its repairs",
  panels: [
    lines(
      "Errors by memory",
      "cps",
      "Errors a second since the driver was loaded, by the memory they were in. Corrected ones in one place, rising, come before uncorrected ones.",
      one(
        aggregate(
          "sum",
          [...byGpu, "location", "kind"],
          rate(value(details.eccErrors, { period: "volatile" }), window),
        ),
        `${perGpu} {{location}} {{kind}}`,
      ),
      { rules: [correctableEccRate] },
    ),
    lines(
      "Uncorrected over the GPU's life",
      "short",
      "What the GPU's own book gained in the time shown: by memory, and for on-chip memory by the unit it serves.",
      [
        gain({ metric: details.eccErrors, match: { period: "aggregate", kind: "uncorrected" } }),
        gain({ metric: details.sramErrors, words: "on-chip" }),
      ],
      { critical: 1, rules: [gpuUncorrectableEcc] },
    ),
    lines(
      "Banks that run out of spare rows",
      "short",
      "Banks with few spare rows or none: the next faulty row in them is for ever.",
      one(
        aggregate(
          "sum",
          [...byGpu, "state"],
          value(errors.remapBanks, { state: { matches: /partial|low|none/ } }),
        ),
        `${perGpu} {{state}}`,
      ),
      { rules: [remapBanksLow], needsFault: { kind: "row_remap_failure" } },
    ),
    flags(
      "Repairs that wait for a reset",
      "A row, a memory channel or a processing cluster that a spare replaces at the next reset: reset the GPU once its job is done.",
      [no, { text: "waits", color: "orange" }],
      [{ metric: errors.remapPending, words: "row", still: true }, details.repairPending],
      { rules: [repairPending] },
    ),
    flags(
      "Beyond repair",
      "A row that no spare can replace, other memory without a spare, or on-chip memory with more errors than NVIDIA tolerates: due for return.",
      [no, yes],
      [
        { metric: errors.remapFailure, words: "row remapping failed", still: true },
        { metric: details.unrepairableMemory, words: "unrepairable memory" },
        { metric: errors.sramThresholdExceeded, words: "SRAM over threshold", still: true },
      ],
      { rules: [gpuRowRemapFailed, memoryUnrepairable] },
    ),
  ],
};

const links: Row = {
  title: "NVLink, its fabric and PCIe",
  panels: [
    flags(
      "NVLinks",
      "State of each link. One that is down halves a ring or takes the GPU out of its fabric.",
      [
        { text: "down", color: "red" },
        { text: "up", color: "green" },
      ],
      [details.nvlinkActive],
      { rules: [gpuNvlinkDown] },
    ),
    lines(
      "NVLink traffic against its speed",
      "percentunit",
      "Bytes over each link and direction over what the link can carry that way. Links of one GPU carry the same: one that differs is skipped or slow.",
      one(
        divide(
          rate(value(details.nvlinkBytes), window),
          aggregate("max", [...byGpu, "link"], value(details.nvlinkSpeed)),
        ),
        legendOf(details.nvlinkBytes),
      ),
      { width: 12, maximum: 1 },
    ),
    trend(
      "NVLink errors by link",
      "Errors a second by link and kind: CRC and replays are a noisy link, a recovery is a link that was lost for a moment.",
      [errors.nvlinkErrors],
      { warning: 1, needsFault: { kind: "nvlink_flap" } },
    ),
    lines(
      "Blocks that had to be corrected",
      "percentunit",
      "Share of the blocks received that forward error correction had to mend; fifth generation and later. Rising on one link: clean or replace the connection.",
      one(
        divide(
          rate(value(details.nvlinkBlocks, { state: { excludes: /clean/ } }), window),
          aggregate("sum", [...byGpu, "link"], rate(value(details.nvlinkBlocks), window)),
        ),
        legendOf(details.nvlinkBlocks),
      ),
      { maximum: 1 },
    ),
    timeline(
      "NVLink fabric",
      "How far the GPU is with joining its fabric, and the fabric's health as the driver sees it; only the state that holds is coloured.",
      { 0: { text: "no", color: "text" }, 1: { text: "is so", color: "blue" } },
      [course({ metric: details.fabricState }), course({ metric: details.fabricHealth })],
      { width: 8, rules: [fabricUnhealthy] },
    ),
    flags(
      "What is wrong with the fabric",
      "Problems of the fabric as seen from each GPU.",
      [no, yes],
      [details.fabricProblem],
      { rules: [fabricUnhealthy] },
    ),
    trend(
      "PCIe traffic as the GPU counts it",
      "Bytes a second by direction. Near what the link carries (about 64 GB/s for 16 lanes of generation 5), copies are the bottleneck.",
      [details.pcieBytes],
      { width: 6 },
    ),
    trend(
      "PCIe errors at the GPU's end",
      "Errors a second by kind. Together with replays: slot, riser or retimer.",
      [details.pcieErrors],
      { width: 6, warning: 1 },
    ),
  ],
};

const parts: Row = {
  title: "Which parts these are",
  collapsed: true,
  panels: [
    sheet(
      "GPUs",
      "Model, serial number, driver and power limit: what a return to the vendor asks for.",
      {
        facts: gpu.info,
        by: ["gpu"],
        columns: ["gpu", "model", "UUID", "serial", "pci_bus_id", "driver_version"],
        numbers: [["Power limit", gpu.powerLimit]],
      },
    ),
    table("Boards", "Part number and information memory of each board.", details.boardInfo, [
      "gpu",
      "part_number",
      "inforom_version",
    ]),
    table("MIG instances", "Parts that a GPU is split into.", details.instanceInfo, [
      "gpu",
      "GPU_I_ID",
      "GPU_I_PROFILE",
      "uuid",
    ]),
    sheet("NVLinks in numbers", "Generation and speed of each link.", {
      by: ["gpu", "link"],
      columns: ["gpu", "link"],
      numbers: [
        ["Generation", details.nvlinkVersion],
        ["Speed each way", details.nvlinkSpeed],
        ["Up", details.nvlinkActive],
      ],
    }),
  ],
};

export const gpuWearRows: readonly Row[] = [memory, links, parts];
