/**
 * The real agent on eight stand-in GPUs with all families, sampled faster than in earnest and scraped every second: memory of the
 * agent and of its probe over time. `node test/bench/soak-gpu.ts [--minutes 12] [--period 100ms]`; fails on a slope of
 * half a MiB or more for an hour of samples at one a second.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parseDuration } from "../../core/kit/duration.ts";
import { startGpuAgent, type GpuAgent } from "../kit/gpu-agent.ts";
import { courseOf, sampleMemory, type MemorySample } from "./memory-course.ts";
import { processorMilliseconds } from "./process-cost.ts";
import { reportBench, type BenchRow } from "./report.ts";

const gpuCount = 8;
const memoryPeriodMilliseconds = 5000;
/** MiB in an hour of samples at one a second. */
const steepest = 0.5;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "12" },
    period: { type: "string", default: "100ms" },
  },
});
const minutes = Number(values.minutes);
const periodMilliseconds = parseDuration(values.period) ?? Number.NaN;
if (!(minutes >= 0.5) || !(periodMilliseconds >= 100))
  throw new RangeError("--minutes takes a number from 0.5, --period a duration from 100ms");
/** How many seconds' samples one second brings. */
const acceleration = 1000 / periodMilliseconds;

const folder = mkdtempSync(join(tmpdir(), "warpwatch-soak-gpu-"));
const agent = await startGpuAgent(
  folder,
  Array.from({ length: gpuCount }, () => "h100" as const),
  {
    flags: [
      `--sampling.fast-period=${values.period}`,
      `--sampling.steady-period=${Math.max(100, 15_000 / acceleration)}ms`,
    ],
    program: [join(import.meta.dirname, "receiving-agent-program.ts")],
  },
);
try {
  const pids = { agent: agent.program.child.pid ?? 0, probe: agent.probe() };
  const samples: Record<keyof typeof pids, MemorySample[]> = { agent: [], probe: [] };
  const before = {
    agent: processorMilliseconds(pids.agent),
    probe: processorMilliseconds(pids.probe),
  };
  const begun = performance.now();
  const scrapes = { done: 0, failed: 0 };
  for (let round = 1; performance.now() < begun + minutes * 60_000; round += 1) {
    await scrape(agent, scrapes);
    if (round % (memoryPeriodMilliseconds / 1000) === 0)
      for (const name of ["agent", "probe"] as const)
        samples[name].push(sampleMemory(pids[name], begun));
    await wait(Math.max(0, begun + round * 1000 - performance.now()));
  }
  const rows: BenchRow[] = [
    { what: "scrapes of both pages", unit: "", rounds: [scrapes.done] },
    { what: "scrapes that failed", unit: "", rounds: [scrapes.failed] },
  ];
  let isFlat = scrapes.failed === 0 && agent.probe() === pids.probe;
  for (const name of ["agent", "probe"] as const) {
    const { last, residentSlope, anonymousSlope } = courseOf(samples[name]);
    const inAnHour = (slope: number): number => (slope * 60) / acceleration;
    isFlat &&= inAnHour(residentSlope) < steepest && inAnHour(anonymousSlope) < steepest;
    const milliseconds = processorMilliseconds(pids[name]) - before[name];
    rows.push(
      { what: `${name}: resident at the end`, unit: "MiB", rounds: [last.residentMebibytes] },
      { what: `${name}: proportional`, unit: "MiB", rounds: [last.proportionalMebibytes] },
      { what: `${name}: resident, slope`, unit: "MiB a minute", rounds: [residentSlope] },
      { what: `${name}: for an hour at 1 Hz`, unit: "MiB", rounds: [inAnHour(residentSlope)] },
      {
        what: `${name}: anonymous, the same`,
        unit: "MiB",
        rounds: [inAnHour(anonymousSlope)],
      },
      {
        what: `${name}: processor time`,
        unit: "ms/s",
        rounds: [(milliseconds / (performance.now() - begun)) * 1000],
      },
    );
  }
  reportBench("soak-gpu", { minutes, periodMilliseconds, gpuCount, samples }, rows);
  process.stdout.write(isFlat ? "soak: passed\n" : "soak: failed\n");
  process.exitCode = isFlat ? 0 : 1;
} finally {
  await agent.program.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function scrape(
  { address, compatAddress }: GpuAgent,
  scrapes: { done: number; failed: number },
): Promise<void> {
  for (const page of [address, compatAddress]) {
    const isFull = await fetch(`http://${page}/metrics`).then(
      async (response) => (await response.text()).includes("DCGM_FI_DEV_GPU_TEMP{"),
      () => false,
    );
    scrapes.done += 1;
    if (!isFull) scrapes.failed += 1;
  }
}
