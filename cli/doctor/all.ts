/** Every check, in the order in which the report lists them: the machine, then Warpwatch on it. */
import { describeError } from "../../core/kit/errors.ts";
import { unknown, type Check, type Patient, type Report } from "./check.ts";
import { gpuSourcesCheck } from "./gpu-sources.ts";
import { gpuCheck } from "./gpu.ts";
import { clockCheck, kernelLogCheck, openFilesCheck, pressureCheck, treesCheck } from "./host.ts";
import { agentCheck, collectorCheck } from "./processes.ts";
import { exportersCheck, portsCheck } from "./ports.ts";
import { stateCheck } from "./state.ts";

const checks: readonly Check[] = [
  treesCheck,
  pressureCheck,
  kernelLogCheck,
  gpuCheck,
  clockCheck,
  openFilesCheck,
  stateCheck,
  portsCheck,
  exportersCheck,
  agentCheck,
  gpuSourcesCheck,
  collectorCheck,
];

/** All at once; a check that throws could not look. */
export function examine(patient: Patient): Promise<Report[]> {
  return Promise.all(
    checks.map(async (check) => {
      const { name, meaning } = check;
      try {
        return { name, meaning, ...(await check.run(patient)) };
      } catch (thrown) {
        return { name, meaning, ...unknown(describeError(thrown)) };
      }
    }),
  );
}
