/** Rules for GPUs that get worse: tickets for the next job boundary, before something fails. */
import { gpu, gpuDetails, gpuErrors, inventory } from "../core/catalog/index.ts";
import {
  age,
  aggregate,
  both,
  compare,
  divide,
  lacks,
  multiply,
  peerDifference,
  placeLabels,
  rate,
  subtract,
  unless,
  value,
  type Condition,
} from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;
const hour = 60 * minute;
/** dcgm-exporter's series carry more labels than ours. */
const sameGpu = ["instance", "UUID"];
const isBusy = compare(value(gpu.utilization), ">", 50);

export const rowRemapPending = defineRule({
  name: "GpuRowRemapPending",
  condition: compare(value(gpuErrors.remapPending), "==", 1),
  forMilliseconds: 30 * minute,
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} waits for a reset to replace a faulty memory row",
  description:
    "Work on {{ UUID }} may go on: the driver keeps off the row. Reset the GPU when its job is done.",
  source:
    "NVML's documentation: a pending remapping doesn't affect future work. So a ticket, where Meta's gcm pages.",
});

export const remapBanksLow = defineRule({
  name: "GpuRemapBanksLow",
  condition: compare(value(gpuErrors.remapBanks, { state: { matches: /low|none/ } }), ">", 0),
  forMilliseconds: hour,
  severity: "warning",
  component: "gpu",
  summary:
    "GPU {{ gpu }} of {{ node }} has {{ value }} memory banks with few spare rows ({{ state }})",
  description:
    "The next faulty rows in these banks of {{ UUID }} can't be replaced any more: the GPU is then due for return.",
  source: "NVML's row-remapper histogram: `low` and `none` come before ROW_REMAP_FAILURE.",
});

export const rowRemapsExhausting = defineRule({
  name: "GpuRowRemapsExhausting",
  condition: compare(value(gpuErrors.remappedUncorrectable), ">=", 512),
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} has had {{ value }} faulty memory rows replaced",
  description:
    "As many as {{ UUID }} ({{ modelName }}) can replace in its life: the next one that fails stays in use. It is due for return.",
  source:
    "DCGM's limit for rows that were remapped for uncorrectable errors (512), which is that of NVIDIA's return policy.",
});

export const pagesPending = defineRule({
  name: "GpuPagesPendingRetirement",
  condition: compare(value(gpuErrors.retiredPending), ">", 0),
  forMilliseconds: 30 * minute,
  severity: "warning",
  component: "gpu",
  onByDefault: false,
  summary: "GPU {{ gpu }} of {{ node }} waits for a restart to retire faulty memory pages",
  description:
    "Pages of {{ UUID }} ({{ modelName }}) are faulty and stay in use until the driver is loaded anew.",
  source: "Azure's health agent warns above 0. Off, since only chips before Ampere retire pages.",
});

export const repairPending = defineRule({
  name: "GpuRepairPending",
  condition: compare(value(gpuDetails.repairPending), "==", 1),
  forMilliseconds: 30 * minute,
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} waits for a reset to replace a faulty part ({{ kind }})",
  description:
    "A spare takes the part's place at the next reset of {{ UUID }}. Until then errors may go on.",
  source:
    "The driver's own flags for pending channel and processing-cluster repairs. A ticket, as for a memory row.",
});

export const memoryUnrepairable = defineRule({
  name: "GpuMemoryUnrepairable",
  condition: compare(value(gpuDetails.unrepairableMemory), "==", 1),
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} has memory that no spare can stand in for",
  description:
    "The driver found faulty memory in {{ UUID }} and has nothing left to replace it. Plan its return.",
  source:
    "The driver's flag for unrepairable memory; it is set before the errors reach an application.",
});

export const correctableEccRate = defineRule({
  name: "GpuCorrectableEccRateHigh",
  condition: compare(rate(value(gpuErrors.eccSingleBitVolatile), 15 * minute), ">", 10, 5),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} corrects {{ value }} memory errors a second",
  description:
    "ECC still repairs them, yet {{ UUID }} ({{ modelName }}) has many times what a sound GPU has: uncorrectable ones follow.",
  source:
    "NVSentinel's issue 1748 tells of 4,600 a second unnoticed for days; a sound GPU has less than one an hour. Ten leave room for a burst.",
});

export const containedMemoryError = defineRule({
  name: "GpuContainedMemoryError",
  condition: compare(age(value(gpuErrors.xidLastEvent, { xid: "94" })), "<", 600),
  severity: "warning",
  component: "gpu",
  team: "workload",
  summary: "a memory error on GPU {{ gpu }} of {{ node }} ended one application",
  description:
    "XID 94: the error was contained to the application that touched the memory. It has to be started again; {{ UUID }} goes on.",
  ended: { stillReported: gpuErrors.xidEvents, on: ["UUID"] },
  source:
    "NVIDIA's XID catalogue: restart the application. gpud leaves 94 out of what needs a reboot.",
});

export const nvlinkErrorsRising = defineRule({
  name: "GpuNvlinkErrorsRising",
  condition: compare(
    aggregate(
      "sum",
      [...placeLabels, "gpu", "UUID"],
      rate(value(gpuErrors.nvlinkErrors), 10 * minute),
    ),
    ">",
    0.02,
    0.01,
  ),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "fabric",
  summary: "the NVLinks of GPU {{ gpu }} of {{ node }} count {{ value }} errors a second",
  description:
    "Checksum errors, replays and recoveries of all links of {{ UUID }} together. A cable, a bridge or a switch port gets worse, and every rank waits for its replays.",
  source: "Meta's gcm tolerates none; 0.02 a second (12 in ten minutes) lets a single one pass.",
});

const replaysPerMinute = multiply(rate(value(gpu.pcieReplays), fiveMinutes), 60);

/** What a link of sixteen lanes may repeat from this generation on: one error in 10^12 bits, as it carries twice as many. */
function mayRepeat(perMinute: number, generation: number): Condition {
  return both(
    // First, so that there is nothing to be unknown where nobody tells the generation.
    compare(value(gpu.pcieGeneration), ">=", generation),
    compare(replaysPerMinute, "<=", perMinute),
    sameGpu,
  );
}

export const pcieReplays = defineRule({
  name: "GpuPcieReplayRateHigh",
  condition: unless(
    unless(
      unless(compare(replaysPerMinute, ">", 8, 4), mayRepeat(16, 4), sameGpu),
      mayRepeat(31, 5),
      sameGpu,
    ),
    mayRepeat(62, 6),
    sameGpu,
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "pci",
  summary: "GPU {{ gpu }} of {{ node }} repeats {{ value }} PCIe packets a minute",
  description:
    "The slot, the riser or a retimer between {{ UUID }} and the processor loses packets.",
  source:
    "DCGM's health watch: one error in 10^12 bits, which on sixteen lanes is 8 replays a minute up to the third generation, 16, 31 and 62 from the fourth, fifth and sixth on. Where nothing tells the generation it is 8.",
});

export const thermalMarginLow = defineRule({
  name: "GpuThermalMarginLow",
  condition: compare(value(gpu.temperatureMargin), "<", 5, 8),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} is {{ value }} °C short of slowing itself down",
  description:
    "By {{ UUID }}'s own limit, whatever its model: cooling, airflow or load has to change.",
  source:
    "NVSentinel watches the same margin (DCGM field 153). Five degrees are our choice: a warning before GpuThermalSlowdown.",
});

export const hotterThanSiblings = defineRule({
  name: "GpuHotterThanSiblings",
  condition: both(
    compare(peerDifference(value(gpu.temperature), placeLabels), ">", 15, 10),
    isBusy,
  ),
  forMilliseconds: 30 * minute,
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} is {{ value }} °C hotter than its neighbours",
  description:
    "Against the median of the node's GPUs, while {{ UUID }} works. Dried paste, a fan or a cold plate shows here weeks before it throttles.",
  source:
    "Our choice. GPUs of a node in order stay within ten degrees; Llama 3's training lost 6 of 419 interruptions to thermal interfaces.",
});

export const memoryTooHot = defineRule({
  name: "GpuMemoryTooHot",
  condition: compare(
    multiply(
      subtract(
        value(gpu.memoryTemperature),
        value(gpuDetails.temperatureThreshold, { kind: "memory_maximum" }),
        sameGpu,
      ),
      -1,
    ),
    "<",
    3,
    5,
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "gpu",
  onByDefault: false,
  summary: "the memory of GPU {{ gpu }} of {{ node }} is {{ value }} °C short of its limit",
  description: "Hot memory of {{ UUID }} ({{ modelName }}) ages faster and then fails.",
  source:
    "NVML's limit for memory. Off, since few boards tell both numbers; memory was the second most frequent cause in Llama 3's training (72 of 419).",
});

export const clockBelowExpected = defineRule({
  name: "GpuClockBelowExpected",
  condition: unless(
    both(
      compare(divide(value(gpu.smClock), value(gpuDetails.smClockMaximum)), "<", 0.7, 0.8),
      isBusy,
    ),
    compare(
      rate(value(gpuErrors.throttleSeconds, { reason: "sw_power_cap" }), 10 * minute),
      ">",
      0.5,
    ),
    sameGpu,
  ),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "gpu",
  onByDefault: false,
  summary: "GPU {{ gpu }} of {{ node }} works at {{ value | percent }} of its clock",
  description:
    "And it isn't the power limit that holds {{ UUID }} ({{ modelName }}) down: a straggler that nothing else tells of.",
  source:
    "Meta's gcm and NVIDIA's health checks compare clocks alike. Off, since clocks may be locked low on purpose.",
});

export const persistenceModeOff = defineRule({
  name: "GpuPersistenceModeOff",
  condition: compare(value(gpuDetails.persistenceMode), "==", 0),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "gpu",
  onByDefault: false,
  summary: "GPU {{ gpu }} of {{ node }} has persistence mode off",
  description:
    "The driver lets {{ UUID }} go between jobs: the first call of each takes seconds, and settings are lost.",
  source: "Azure's health agent and gpud ask for it. Off, since a workstation does well without.",
});

export const eccDisabled = defineRule({
  name: "GpuEccDisabled",
  condition: compare(value(gpuDetails.eccCurrent), "==", 0),
  forMilliseconds: hour,
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} runs without ECC",
  description:
    "A flipped bit in {{ UUID }} ({{ modelName }}) goes unnoticed: results may be wrong. Told only of GPUs that have ECC.",
  source: "gpud's ecc component; Llama 3's training had 6 interruptions from silent corruption.",
});

export const gpuTelemetryMissing = defineRule({
  name: "GpuTelemetryMissing",
  condition: lacks(compare(value(gpu.info), "==", 1), value(gpu.temperature), sameGpu),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "gpu",
  onByDefault: false,
  summary: "GPU {{ gpu }} of {{ node }} is listed and gives no temperature",
  description:
    "The driver knows {{ UUID }} ({{ model }}) and doesn't measure it. Rules about its heat are blind meanwhile.",
  ended: { stillReported: inventory.nodeInfo, on: [] },
  source: "Every physical GPU has a temperature. Off, since a virtual one has none.",
});
