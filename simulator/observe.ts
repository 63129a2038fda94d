/** What the driver's counters show of a step's demand: utilization, pipe activity, memory in use. */
import { clamp } from "./arithmetic.ts";
import type { GpuColumns } from "./columns.ts";
import type { GpuModel } from "./models.ts";

/** The part of GPU memory that driver and firmware keep. */
export function reservedMebibytes(model: GpuModel): number {
  return Math.round(model.memoryMebibytes * 0.0075);
}

export function stepObservation(gpus: GpuColumns, model: GpuModel): void {
  const usable = model.memoryMebibytes - reservedMebibytes(model);
  const count = gpus.lost.length;
  for (let gpu = 0; gpu < count; gpu += 1) {
    const busy = clamp(gpus.demandBusy[gpu]!, 0, 1);
    const compute = clamp(gpus.demandCompute[gpu]!, 0, 1);
    const memory = clamp(gpus.demandMemory[gpu]!, 0, 1);
    gpus.utilizationPercent[gpu] = Math.round(100 * busy);
    gpus.memoryCopyPercent[gpu] = Math.round(100 * clamp(0.9 * memory, 0, busy));
    gpus.graphicsRatio[gpu] = busy;
    // Well-tuned matrix kernels keep the tensor pipe busy about two thirds of the time.
    gpus.smRatio[gpu] = clamp(0.92 * compute + 0.1 * memory, 0, busy);
    gpus.tensorRatio[gpu] = 0.68 * compute;
    gpus.dramRatio[gpu] = memory;
    gpus.memoryUsedMebibytes[gpu] = Math.round(
      clamp(gpus.demandMemoryFill[gpu]!, 0, 1) * usable + 4,
    );
  }
}
