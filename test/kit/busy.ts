/** Bounds in time on a machine that runs more than it has processors for. Truth: the load average of the last minute. */
import { availableParallelism, loadavg } from "node:os";

/** The bound itself where the processors are free; as many times longer as there is work for each of them. */
export function boundWhenBusy(milliseconds: number): number {
  const [load = 0] = loadavg();
  return milliseconds * Math.max(1, load / availableParallelism());
}
