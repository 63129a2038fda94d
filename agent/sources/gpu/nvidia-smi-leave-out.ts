/** One GPU that the driver can't open fails nvidia-smi for all of them: it is left out and the others are asked for by place. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describeError, systemCode } from "../../../core/kit/errors.ts";
import type { Clock } from "../../../core/kit/clock.ts";

export interface LeaveOut {
  /** True when it's time to ask for every GPU again. */
  readonly isOver: boolean;
  /** The places to ask for after this failure; undefined when it names no GPU that could be left out. */
  others(thrown: unknown): readonly string[] | undefined;
  forget(): void;
}

/** What nvidia-smi says of a GPU that is on the bus but that the driver can't open. */
const unopenedGpu = /device handle for GPU ?([0-9a-f]+:[0-9a-f]+:[0-9a-f]+\.[0-9a-f])/i;

/** `places` is every GPU there should be: nvidia-smi itself names none of the others when it fails. */
export function createLeaveOut(
  clock: Clock,
  places: () => readonly string[],
  milliseconds: number,
): LeaveOut {
  const leftOut = new Set<string>();
  let overAt = Number.POSITIVE_INFINITY;
  return {
    get isOver() {
      return clock.monotonic() >= overAt;
    },
    others(thrown) {
      const failed = unopenedGpu.exec(describeError(thrown))?.[1];
      if (failed === undefined || leftOut.has(normalizeBusId(failed))) return undefined;
      leftOut.add(normalizeBusId(failed));
      const remaining = new Map<string, string>();
      for (const place of places())
        if (!leftOut.has(normalizeBusId(place))) remaining.set(normalizeBusId(place), place);
      if (remaining.size === 0) return undefined;
      overAt = clock.monotonic() + milliseconds;
      return [...remaining.values()];
    },
    forget() {
      leftOut.clear();
      overAt = Number.POSITIVE_INFINITY;
    },
  };
}

/** The places of the GPUs that the driver has bound, which it lists whether or not they still work. */
export async function listBoundGpus(procfs: string): Promise<string[]> {
  try {
    return await readdir(join(procfs, "driver/nvidia/gpus"));
  } catch (thrown) {
    if (systemCode(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

/** Messages, rows and folders write the same place with more or fewer zeros: `0000:ba:00.0`, `00000000:BA:00.0`. */
function normalizeBusId(place: string): string {
  return place
    .split(/[:.]/)
    .map((part) => Number.parseInt(part, 16))
    .join(":");
}
