/**
 * Which elements of `nvidia-smi -q -x` back which metrics, by their path under `gpu`; the document types are
 * nvsmi_device_v12.dtd and v13.dtd, with names of older ones. What the fast CSV tells is not read from here again.
 */
import * as details from "../../../core/catalog/gpu-details.ts";
import * as gpu from "../../../core/catalog/gpu.ts";
import { readChoice, readNumber } from "./nvidia-smi-values.ts";
import { target, type Target } from "./nvml-target.ts";

export interface ReportField {
  readonly path: string;
  readonly targets: readonly ReportTarget[];
}

export interface ReportTarget extends Pick<Target, "metric" | "extraLabels"> {
  /** NaN where the text holds no value. */
  readonly readText: (text: string) => number;
  /** Several elements make one series: it is there when one of them is. */
  readonly adds?: true;
}

const yesNo = readChoice("No", "Yes");
const trueFalse = readChoice("False", "True");
const onOff = readChoice("Disabled", "Enabled");
const mebibytes = readNumber("MiB");
const watts = readNumber("W");
const celsius = readNumber("C");
const megahertz = readNumber("MHz");
const count = readNumber("");

export const reportFields: readonly ReportField[] = [
  one("persistence_mode", target(details.persistenceMode), onOff),
  one("compute_mode", target(details.computeMode), (text) => {
    const mode = ["Default", "Exclusive_Thread", "Prohibited", "Exclusive_Process"].indexOf(text);
    return mode === -1 ? Number.NaN : mode;
  }),
  one("bar1_memory_usage/total", target(details.bar1Total), mebibytes),
  one("bar1_memory_usage/used", target(details.bar1Used), mebibytes),
  one("pci/replay_counter", target(gpu.pcieReplays), count),
  one(
    "pci/replay_rollover_counter",
    target(details.pcieErrors, { kind: "replay_rollovers" }),
    count,
  ),
  one("max_clocks/sm_clock", target(details.smClockMaximum), megahertz),
  one("max_clocks/mem_clock", target(details.memoryClockMaximum), megahertz),
  one("max_clocks/video_clock", target(details.videoClockMaximum), megahertz),
  one("ecc_mode/current_ecc", target(details.eccCurrent), onOff),
  one("ecc_mode/pending_ecc", target(details.eccPending), onOff),
  ...["gpu_power_readings", "power_readings"].flatMap((parent) => [
    one(`${parent}/requested_power_limit`, target(details.powerLimitSet), watts),
    one(`${parent}/power_limit`, target(details.powerLimitSet), watts),
    one(`${parent}/default_power_limit`, target(details.powerLimitDefault), watts),
    one(`${parent}/min_power_limit`, target(details.powerLimitMinimum), watts),
    one(`${parent}/max_power_limit`, target(details.powerLimitMaximum), watts),
  ]),
  ...temperatures(),
  ...memoryErrors(),
  ...olderMemoryErrors(),
  ...fabric(),
];

/** Of a MIG instance, by the path under `mig_device`: a compute instance shares the memory of its GPU instance. */
export const instanceFields: readonly ReportField[] = [
  one("fb_memory_usage/total", target(details.memoryTotal), mebibytes),
  one("fb_memory_usage/reserved", target(gpu.memoryReserved), mebibytes),
  one("fb_memory_usage/used", target(gpu.memoryUsed), mebibytes),
  one("fb_memory_usage/free", target(gpu.memoryFree), mebibytes),
  one("bar1_memory_usage/total", target(details.bar1Total), mebibytes),
  one("bar1_memory_usage/used", target(details.bar1Used), mebibytes),
];

function temperatures(): ReportField[] {
  const elements = {
    shutdown: "gpu_temp_max",
    slowdown: "gpu_temp_slow",
    gpu_maximum: "gpu_temp_max_gpu",
    memory_maximum: "gpu_temp_max_mem",
  } as const satisfies Record<(typeof details.temperatureThresholds)[number], string>;
  return details.temperatureThresholds.flatMap((kind) => [
    one(
      `temperature/${elements[kind]}_threshold`,
      target(details.temperatureThreshold, { kind }),
      celsius,
    ),
    one(
      `temperature/${elements[kind]}_tlimit_threshold`,
      target(details.temperatureMarginThreshold, { kind }),
      celsius,
    ),
  ]);
}

function memoryErrors(): ReportField[] {
  const byPeriod = (["volatile", "aggregate"] as const).flatMap((period) => {
    const errors = (location: string, kind: string): Target =>
      target(details.eccErrors, { location, kind, period });
    const parent = `ecc_errors/${period}`;
    const uncorrected = errors("sram", "uncorrected");
    return [
      one(`${parent}/sram_correctable`, errors("sram", "corrected"), count),
      one(`${parent}/sram_uncorrectable`, uncorrected, count),
      adding(`${parent}/sram_uncorrectable_parity`, uncorrected),
      adding(`${parent}/sram_uncorrectable_secded`, uncorrected),
      one(`${parent}/dram_correctable`, errors("dram", "corrected"), count),
      one(`${parent}/dram_uncorrectable`, errors("dram", "uncorrected"), count),
    ];
  });
  const units = { l2: "l2", sm: "sm", microcontroller: "mcu", pcie: "pcie", other: "other" };
  return [
    ...byPeriod,
    ...Object.entries(units).map(([element, location]) =>
      one(
        `ecc_errors/aggregate_uncorrectable_sram_sources/sram_${element}`,
        target(details.sramErrors, { location }),
        count,
      ),
    ),
    ...(["channel", "tpc"] as const).map((kind) =>
      one(`ecc_errors/${kind}_repair_pending`, target(details.repairPending, { kind }), yesNo),
    ),
    one("ecc_errors/unrepairable_memory", target(details.unrepairableMemory), yesNo),
  ];
}

/** Chips before Turing count bits by the memory they were in. */
function olderMemoryErrors(): ReportField[] {
  const places = {
    device_memory: "dram",
    register_file: "register_file",
    l1_cache: "l1_cache",
    l2_cache: "l2_cache",
    texture_memory: "texture_memory",
    texture_shm: "texture_shm",
    cbu: "cbu",
  };
  return ["volatile", "aggregate"].flatMap((period) =>
    Object.entries({ single_bit: "corrected", double_bit: "uncorrected" }).flatMap(([bits, kind]) =>
      Object.entries(places).map(([element, location]) =>
        one(
          `ecc_errors/${period}/${bits}/${element}`,
          target(details.eccErrors, { location, kind, period }),
          count,
        ),
      ),
    ),
  );
}

function fabric(): ReportField[] {
  const problems = [
    ["bandwidth", "degraded_bandwidth", readChoice("Full", "Degraded")],
    ["route_recovery_in_progress", "route_recovery", trueFalse],
    ["route_unhealthy", "route_unhealthy", trueFalse],
    ["access_timeout_recovery", "access_timeout_recovery", trueFalse],
    // Otherwise it says which part of the configuration is wrong.
    ["incorrect_configuration", "incorrect_configuration", readFault],
  ] as const;
  return [
    choice("fabric/state", details.fabricStates, (state) => target(details.fabricState, { state })),
    choice("fabric/health/summary", details.fabricHealths, (state) =>
      target(details.fabricHealth, { state }),
    ),
    ...problems.map(([element, kind, readText]) =>
      one(`fabric/health/${element}`, target(details.fabricProblem, { kind }), readText),
    ),
  ];
}

function readFault(text: string): number {
  if (text === "None") return 0;
  return text === "" || /^(\[?N\/A|not supported|unknown|.*\b(lost|permission))/i.test(text)
    ? Number.NaN
    : 1;
}

/** `Not Started` for `not_started`: one series for each, and none where the text is no state. */
function choice<State extends string>(
  path: string,
  states: readonly State[],
  targetOf: (state: State) => Target,
): ReportField {
  const wordOf = (text: string): string => text.toLowerCase().replaceAll(" ", "_");
  return {
    path,
    targets: states.map((state) => {
      const { metric, extraLabels } = targetOf(state);
      const readText = (text: string): number => {
        const isKnown = states.some((each) => each === wordOf(text));
        return isKnown ? Number(wordOf(text) === state) : Number.NaN;
      };
      return { metric, extraLabels, readText };
    }),
  };
}

function one(path: string, to: Target, readText: ReportTarget["readText"]): ReportField {
  return { path, targets: [{ metric: to.metric, extraLabels: to.extraLabels, readText }] };
}

function adding(path: string, to: Target): ReportField {
  const { metric, extraLabels } = to;
  return { path, targets: [{ metric, extraLabels, readText: count, adds: true }] };
}
