/**
 * One step of everything that is counted as an error: Poisson processes at the rates below, and what faults add to them.
 * Each process keeps the exposure left until its next event, so that a rate may change at any time and stay exact.
 */
import { throttleBits, type GpuColumns } from "./columns.ts";
import type { GpuModel } from "./models.ts";
import type { RandomStreams } from "./random.ts";

/** Events per GPU and second on a healthy fleet; where no source is named nobody has published one, and it is our order of magnitude. */
export const baseRates = {
  /** Corrected ECC errors: a few a week on most boards, most of them from few boards. */
  corrected: 0.03 / 3600,
  /** The Llama 3 report: 72 interruptions by HBM3 in 54 days on 16,384 GPUs. */
  uncorrected: 72 / (54 * 86_400 * 16_384),
  /** PCIe allows a bit error rate of 1e-12; a sound link stays far below. */
  pcieReplay: 0.02 / 3600,
  linkError: 0.002 / 3600,
  rowRemap: 1e-5 / 3600,
} as const;

export interface WearStep {
  readonly model: GpuModel;
  readonly gpus: GpuColumns;
  readonly random: RandomStreams;
  readonly seconds: number;
  readonly onUncorrected: (gpu: number) => void;
  readonly onTripped: (gpu: number) => void;
}

export function stepWear(step: WearStep): void {
  const count = step.gpus.lost.length;
  for (let gpu = 0; gpu < count; gpu += 1) {
    if (step.gpus.lost[gpu]! > 0) continue;
    stepMemoryErrors(step, gpu);
    stepLinks(step, gpu);
    if (step.gpus.dieCelsius[gpu]! >= step.model.shutdownCelsius) {
      step.gpus.tripped[gpu] = 1;
      step.gpus.lost[gpu] = 1;
      step.onTripped(gpu);
    }
  }
}

function stepMemoryErrors(step: WearStep, gpu: number): void {
  const { gpus, random, seconds } = step;
  const rate =
    baseRates.corrected * gpus.correctedRateSpread[gpu]! * gpus.correctedFactor[gpu]! +
    gpus.correctedPerSecond[gpu]!;
  const corrected = arrivals(gpus.untilCorrected, gpu, rate * seconds, random);
  gpus.eccCorrectedVolatile[gpu]! += corrected;
  gpus.eccCorrectedAggregate[gpu]! += corrected;
  if (arrivals(gpus.untilUncorrected, gpu, baseRates.uncorrected * seconds, random) > 0)
    step.onUncorrected(gpu);
  gpus.remappedCorrectable[gpu]! += arrivals(
    gpus.untilRowRemap,
    gpu,
    baseRates.rowRemap * gpus.correctedRateSpread[gpu]! * seconds,
    random,
  );
}

function stepLinks(step: WearStep, gpu: number): void {
  const { gpus, model, random, seconds } = step;
  const replayRate = baseRates.pcieReplay + gpus.pcieReplaysPerSecond[gpu]!;
  gpus.pcieReplays[gpu]! += arrivals(gpus.untilReplay, gpu, replayRate * seconds, random);
  const errorRate = baseRates.linkError + gpus.linkErrorsPerSecond[gpu]!;
  const errors = arrivals(gpus.untilLinkError, gpu, errorRate * seconds, random);
  gpus.linkCrcErrors[gpu]! += errors;
  // A flit that fails its check is sent again.
  gpus.linkReplays[gpu]! += errors;
  const up = Math.max(0, model.linkCount - gpus.linksDown[gpu]!);
  if (up > gpus.linksUp[gpu]!) gpus.linkRecoveries[gpu]! += up - gpus.linksUp[gpu]!;
  gpus.linksUp[gpu] = up;
  // Counted both ways, as the driver's total is.
  gpus.linkBytes[gpu]! += Math.round(
    2 * gpus.demandLink[gpu]! * up * model.linkBytesPerSecond * seconds,
  );
  stepPcie(gpus, model, gpu);
}

function stepPcie(gpus: GpuColumns, model: GpuModel, gpu: number): void {
  // A resting GPU lets its link fall to the first generation.
  const resting = (gpus.throttle[gpu]! & throttleBits.gpu_idle) !== 0;
  const generation = Math.max(1, model.pcieGeneration - gpus.pcieGenerationLost[gpu]!);
  gpus.pcieGeneration[gpu] = resting ? 1 : generation;
  gpus.pcieLanes[gpu] = Math.max(1, Math.round(model.pcieLanes * gpus.pcieLaneFactor[gpu]!));
  // 2 Gbit/s a lane in the first generation, twice that in each one after.
  const bytesPerSecond = gpus.pcieLanes[gpu] * 0.125e9 * 2 ** generation;
  const traffic = gpus.demandPcie[gpu]! * 0.9 * bytesPerSecond;
  gpus.pcieReceiveBytesPerSecond[gpu] = Math.round(traffic + 2e5);
  gpus.pcieTransmitBytesPerSecond[gpu] = Math.round(0.4 * traffic + 1e5);
}

/** How many events the exposure brings; past 32 expected the normal approximation, so that a storm costs no more than a drizzle. */
function arrivals(
  until: Float64Array,
  stream: number,
  exposure: number,
  random: RandomStreams,
): number {
  if (exposure > 32) {
    const spread = random.normal(stream) * Math.sqrt(exposure);
    return Math.max(0, Math.round(exposure + spread));
  }
  let left = until[stream]! - exposure;
  let count = 0;
  while (left <= 0) {
    count += 1;
    left += random.exponential(stream);
  }
  until[stream] = left;
  return count;
}
