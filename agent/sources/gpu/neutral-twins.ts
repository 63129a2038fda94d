/** Which of NVIDIA's metrics say the same as one that all makes share: the one place where the one becomes the other. */
import * as details from "../../../core/catalog/gpu-details.ts";
import * as errors from "../../../core/catalog/gpu-errors.ts";
import * as gpu from "../../../core/catalog/gpu.ts";
import * as neutral from "../../../core/catalog/gpu-neutral.ts";
import type { Metric } from "../../../core/catalog/metric.ts";

export interface NeutralTwin {
  readonly metric: Metric;
  /** Beside those that name the GPU. */
  readonly extraLabels: Readonly<Record<string, string>>;
  /** From the sample of NVIDIA's metric. */
  readonly convert: (value: number) => number;
}

const bytesPerMebibyte = 1_048_576;
const vendor = { vendor: "nvidia" } as const;

const twins = new Map<Metric, NeutralTwin>([
  [gpu.utilization, twin(neutral.utilization, (percent) => percent / 100)],
  [gpu.memoryUsed, twin(neutral.memoryUsed, toBytes)],
  [details.memoryTotal, twin(neutral.memoryTotal, toBytes)],
  [gpu.powerUsage, twin(neutral.power, same)],
  [gpu.temperature, twin(neutral.temperature, same, { sensor: "core" })],
  [gpu.memoryTemperature, twin(neutral.temperature, same, { sensor: "memory" })],
  [errors.eccSingleBitVolatile, twin(neutral.errors, same, { kind: "corrected" })],
  [errors.eccDoubleBitVolatile, twin(neutral.errors, same, { kind: "uncorrected" })],
]);

/** Nothing for a metric that only NVIDIA has. */
export function neutralTwinOf(metric: Metric): NeutralTwin | undefined {
  return twins.get(metric);
}

/** The targets of one value, each followed by its twin where it has one, which `make` makes of both. */
export function withNeutralTwins<Target extends { readonly metric: Metric }>(
  targets: readonly Target[],
  make: (target: Target, twin: NeutralTwin) => Target,
): readonly Target[] {
  return targets.flatMap((target) => {
    const found = twins.get(target.metric);
    return found ? [target, make(target, found)] : [target];
  });
}

function twin(
  metric: Metric,
  convert: (value: number) => number,
  extraLabels: Readonly<Record<string, string>> = {},
): NeutralTwin {
  return { metric, extraLabels: { ...vendor, ...extraLabels }, convert };
}

function toBytes(mebibytes: number): number {
  return mebibytes * bytesPerMebibyte;
}

function same(value: number): number {
  return value;
}
