/**
 * Hundreds of GPU faults against the real probe with the stand-in library: continuity of the other GPUs' series, delay of the
 * agent's loop, handles and processes left over. `node test/bench/gpu-faults.ts [--hangs 200 --reading 10 --losses 100 --splits 50 --reloads 100]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { injectFaults } from "../kit/nvml-faults.ts";
import { reportBench } from "./report.ts";

const { values } = parseArgs({
  options: {
    hangs: { type: "string", default: "200" },
    reading: { type: "string", default: "10" },
    losses: { type: "string", default: "100" },
    splits: { type: "string", default: "50" },
    reloads: { type: "string", default: "100" },
  },
});
const counts = {
  hangs: Number(values.hangs),
  hangsInReading: Number(values.reading),
  losses: Number(values.losses),
  splits: Number(values.splits),
  reloads: Number(values.reloads),
};
const folder = mkdtempSync(join(tmpdir(), "warpwatch-gpu-faults-"));
const report = await injectFaults(folder, counts);
rmSync(folder, { recursive: true, force: true });
const { p50, p99, max } = report.loopDelayMilliseconds;
reportBench("gpu-faults", counts, [
  { what: "samples of the other GPUs that were due", unit: "", rounds: [report.due] },
  { what: "of them there", unit: "%", rounds: [(100 * report.present) / report.due] },
  { what: "delay of the agent's loop, median", unit: "ms", rounds: [p50] },
  { what: "delay of the agent's loop, 99th percentile", unit: "ms", rounds: [p99] },
  { what: "delay of the agent's loop, longest", unit: "ms", rounds: [max] },
  { what: "others' gap after a hang in reading", unit: "ms", rounds: report.gapsMilliseconds },
  { what: "rounds from a driver's return to samples", unit: "", rounds: report.roundsToReload },
  { what: "probes abandoned", unit: "", rounds: [report.abandoned] },
  { what: "handles left open", unit: "", rounds: [sum(Object.values(report.opened))] },
  { what: "faults not seen to come or to pass", unit: "", rounds: [report.missed] },
]);
const isWell = report.missed === 0 && report.present === report.due;
process.exitCode = isWell ? 0 : 1;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0);
}
