/**
 * Which fields of `nvidia-smi --query-gpu` back which metrics; names as `nvidia-smi --help-query-gpu` lists them,
 * with the spelling of older drivers after the newer one.
 */
import * as gpu from "../../../core/catalog/gpu.ts";
import * as details from "../../../core/catalog/gpu-details.ts";
import * as errors from "../../../core/catalog/gpu-errors.ts";
import type { DcgmLabel, GpuLabel } from "../../../core/catalog/gpu-labels.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { withNeutralTwins } from "./neutral-twins.ts";
import { readBits, readChoice, readNumber, readPerformanceState } from "./nvidia-smi-values.ts";

/** Reads a cell; NaN where it holds no value, which is absent and never 0. */
export type ReadCell = (cell: string) => number;

/** One series that a field backs; a metric carries either dcgm-exporter's labels or ours, and perhaps one more. */
export interface Target {
  readonly metric: Metric;
  readonly extraLabels: Readonly<Record<string, string>>;
  readonly readCell: ReadCell;
}

export interface Field {
  /** Spellings, the newest first: the first that this nvidia-smi lists is asked for. */
  readonly names: readonly string[];
  readonly targets: readonly Target[];
}

/** What tells the GPUs apart and goes into labels. */
export const identityNames = [
  "count",
  "index",
  "uuid",
  "pci.bus_id",
  "driver_version",
  "serial",
  "vbios_version",
] as const;

/** Asked for last, so that a comma in a product's name can't move the other columns. */
export const nameField = "name";

export const measuredFields: readonly Field[] = [
  one("utilization.gpu", gpu.utilization, "%"),
  one("utilization.memory", gpu.memoryCopyUtilization, "%"),
  one("utilization.encoder", gpu.encoderUtilization, "%"),
  one("utilization.decoder", gpu.decoderUtilization, "%"),
  engine("utilization.jpeg", "jpeg"),
  engine("utilization.ofa", "ofa"),
  one("clocks.current.sm", gpu.smClock, "MHz", 1, ["clocks.sm"]),
  one("clocks.current.memory", gpu.memoryClock, "MHz", 1, ["clocks.mem"]),
  one("clocks.current.video", details.videoClock, "MHz", 1, ["clocks.video"]),
  one("temperature.gpu", gpu.temperature),
  one("temperature.memory", gpu.memoryTemperature),
  one("temperature.gpu.tlimit", gpu.temperatureMargin),
  one("power.draw", gpu.powerUsage, "W"),
  one("power.draw.instant", details.powerUsageInstant, "W"),
  one("module.power.draw.instant", details.modulePower, "W"),
  one("enforced.power.limit", gpu.powerLimit, "W"),
  one("memory.total", details.memoryTotal, "MiB"),
  one("memory.free", gpu.memoryFree, "MiB"),
  one("memory.used", gpu.memoryUsed, "MiB"),
  one("memory.reserved", gpu.memoryReserved, "MiB"),
  one("fan.speed", gpu.fan, "%", 0.01),
  field(["pstate"], target(gpu.performanceState, readPerformanceState)),
  one("pcie.link.width.current", gpu.pcieWidth),
  one("pcie.link.width.max", gpu.pcieWidthMaximum),
  one("pcie.link.gen.gpucurrent", gpu.pcieGeneration, "", 1, ["pcie.link.gen.current"]),
  one("pcie.link.gen.max", gpu.pcieGenerationMaximum),
  field(["mig.mode.current"], target(gpu.migEnabled, readChoice("Disabled", "Enabled"))),
  one("ecc.errors.corrected.volatile.total", errors.eccSingleBitVolatile),
  one("ecc.errors.uncorrected.volatile.total", errors.eccDoubleBitVolatile),
  one("ecc.errors.corrected.aggregate.total", errors.eccSingleBitAggregate),
  one("ecc.errors.uncorrected.aggregate.total", errors.eccDoubleBitAggregate),
  yesNo("ecc.errors.uncorrected.aggregate.sram.thresholdExceeded", errors.sramThresholdExceeded),
  one("retired_pages.single_bit_ecc.count", errors.retiredSingleBit, "", 1, ["retired_pages.sbe"]),
  one("retired_pages.double_bit.count", errors.retiredDoubleBit, "", 1, ["retired_pages.dbe"]),
  yesNo("retired_pages.pending", errors.retiredPending),
  one("remapped_rows.correctable", errors.remappedCorrectable),
  one("remapped_rows.uncorrectable", errors.remappedUncorrectable),
  yesNo("remapped_rows.pending", errors.remapPending),
  yesNo("remapped_rows.failure", errors.remapFailure),
  ...errors.remapAvailabilities.map((state) =>
    field(
      [`remapped_rows.histogram.${state}`],
      target(errors.remapBanks, readNumber(""), { state }),
    ),
  ),
  field(
    ["clocks_event_reasons.active", "clocks_throttle_reasons.active"],
    target(details.clockEventReasons, readBits),
  ),
  ...errors.throttleReasons.map((reason) =>
    field(
      [`clocks_event_reasons.${reason}`, `clocks_throttle_reasons.${reason}`],
      target(errors.throttleActive, readChoice("Not Active", "Active"), { reason }),
    ),
  ),
  ...throttleTimes(),
  field(
    ["gpu_recovery_action"],
    ...errors.recoveryActions.map((action) =>
      target(errors.recoveryAction, readRecoveryAction(action), { action }),
    ),
  ),
];

/** Every metric that a field backs, once each. */
export const measuredMetrics: readonly Metric[] = [
  ...new Set(measuredFields.flatMap((each) => each.targets.map((target) => target.metric))),
];

/** Microseconds per reason; the driver's counters for power and sync boost are the very ones DCGM calls violations. */
function throttleTimes(): Field[] {
  const violations = new Map<string, Metric<DcgmLabel>>([
    ["sw_power_cap", errors.powerViolation],
    ["sync_boost", errors.syncBoostViolation],
  ]);
  const counted = [
    "sw_power_cap",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
  ] as const satisfies readonly errors.ThrottleReason[];
  return counted.map((reason) => {
    const seconds = target(errors.throttleSeconds, readNumber("us", 1e-6), { reason });
    const violation = violations.get(reason);
    return field(
      [`clocks_event_reasons_counters.${reason}`],
      seconds,
      ...(violation ? [target(violation, readNumber("us", 1000))] : []),
    );
  });
}

/** `None`, `Drain and Reset`; newer drivers say `GPU Reset Required` and `Node Reboot Required`. */
function readRecoveryAction(action: errors.RecoveryAction): ReadCell {
  const known: readonly string[] = errors.recoveryActions;
  return (cell) => {
    const wanted = cell
      .toLowerCase()
      .replace(/^(?:gpu|node) (reset|reboot) required$/, "$1")
      .replaceAll(" ", "_");
    if (!known.includes(wanted)) return Number.NaN;
    return wanted === action ? 1 : 0;
  };
}

function one(
  name: string,
  metric: Metric<DcgmLabel> | Metric<GpuLabel>,
  unit = "",
  factor = 1,
  olderNames: readonly string[] = [],
): Field {
  return field([name, ...olderNames], target(metric, readNumber(unit, factor)));
}

function engine(name: string, kind: "jpeg" | "ofa"): Field {
  return field([name], target(details.engineUtilization, readNumber("%", 0.01), { engine: kind }));
}

function yesNo(name: string, metric: Metric<DcgmLabel> | Metric<GpuLabel>): Field {
  return field([name], target(metric, readChoice("No", "Yes")));
}

function field(names: readonly string[], ...targets: Target[]): Field {
  return {
    names,
    targets: withNeutralTwins(targets, ({ readCell }, { metric, extraLabels, convert }) => ({
      metric,
      extraLabels,
      readCell: (cell) => convert(readCell(cell)),
    })),
  };
}

type ExtraLabels<Label extends string> = [Exclude<Label, DcgmLabel>] extends [never]
  ? []
  : [Readonly<Record<Exclude<Label, DcgmLabel>, string>>];

/** Labels beyond the common ones have to be given: the type of the metric says which. */
function target<Label extends string>(
  metric: Metric<Label>,
  readCell: ReadCell,
  ...extra: ExtraLabels<Label>
): Target {
  return { metric, readCell, extraLabels: extra[0] ?? {} };
}
