/** A few of each fault; `node test/bench/gpu-faults.ts` injects hundreds. */
import { expect, test } from "vitest";
import { makeFolder } from "../kit/folder.ts";
import { injectFaults } from "../kit/nvml-faults.ts";

test(
  "GPUs that hang, are lost, split or reloaded cost the others no sample, leave no handle and one process at most",
  { timeout: 180_000 },
  async () => {
    const counts = { hangs: 8, hangsInReading: 1, losses: 8, splits: 4, reloads: 3 };
    const report = await injectFaults(makeFolder(), counts);
    expect(report.missed).toBe(0);
    expect(report.due).toBeGreaterThan(100);
    expect(report.present).toBe(report.due);
    expect(report.abandoned).toBe(counts.hangsInReading);
    expect(report.opened).toEqual({ library: 0, event_sets: 0, gpm_samples: 0 });
  },
);
