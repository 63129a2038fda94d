/** What the agent takes away from work on the GPU: a fixed load, by turns with the agent and without. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export interface Overhead {
  /** Matrices a second, one number for each turn. */
  readonly without: readonly number[];
  readonly beside: readonly number[];
  /** How much less is done beside the agent, as a ratio; the medians count. */
  readonly lost: number;
}

const turns = 3;

/** A sentence where there is no load to be had. */
export async function measureOverhead(
  seconds: number,
  startAgent: () => Promise<() => Promise<unknown>>,
): Promise<Overhead | string> {
  const load = [join(import.meta.dirname, "gpu-load.py"), String(seconds)];
  const run = (): number | string => {
    const { status, stdout, stderr, error } = spawnSync("python3", load, { encoding: "utf8" });
    const last = stderr?.trim().split("\n").at(-1) ?? "";
    return status === 0 ? Number(stdout) : `no load could be run: ${error?.message ?? last}`;
  };
  const without: number[] = [];
  const beside: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const alone = run();
    if (typeof alone === "string") return alone;
    without.push(alone);
    const stop = await startAgent();
    const together = run();
    await stop();
    if (typeof together === "string") return together;
    beside.push(together);
  }
  return { without, beside, lost: 1 - median(beside) / median(without) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
