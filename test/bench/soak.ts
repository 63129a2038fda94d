/**
 * A real Prometheus scrapes the real agent every second for ten minutes (`npm run soak`, `-- --minutes 1` for less):
 * no scrape may fail, no sample may come twice or out of order; the agent's memory over time is printed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort, startWarpwatch, untilAnswered } from "../kit/programs.ts";
import { startPrometheus, type ScrapeVerdict } from "../kit/prometheus.ts";
import { courseOf, sampleMemory, type MemorySample } from "./memory-course.ts";
import { processorMilliseconds } from "./process-cost.ts";

const memoryPeriodMilliseconds = 5000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    synthetic: { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
if (!(minutes >= 0.2)) throw new RangeError("--minutes takes a number from 0.2");
const flags = values.synthetic ? ["--synthetic"] : [];

const folder = mkdtempSync(join(tmpdir(), "warpwatch-soak-"));
const address = `127.0.0.1:${await freePort()}`;
const agent = startWarpwatch([
  "agent",
  `--web.listen-address=${address}`,
  `--state.folder=${join(folder, "state")}`,
  ...flags,
]);
try {
  await untilAnswered(`http://${address}/-/ready`, agent);
  const prometheus = await startPrometheus(folder, address);
  try {
    print(
      `a real Prometheus (${prometheusVersion()}) scrapes the agent every second for ${minutes} min`,
    );
    const pid = agent.child.pid ?? 0;
    const memory = await watch(pid, minutes);
    const processor = processorMilliseconds(pid);
    const verdict = await prometheus.verdict();
    report(verdict, memory, processor);
    process.exitCode = isClean(verdict) ? 0 : 1;
  } finally {
    await prometheus.program.stop();
  }
} finally {
  await agent.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function watch(pid: number, forMinutes: number): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const begun = performance.now();
  const end = begun + forMinutes * 60_000;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, memoryPeriodMilliseconds));
    samples.push(sampleMemory(pid, begun));
  }
  return samples;
}

function report(verdict: ScrapeVerdict, memory: readonly MemorySample[], processor: number): void {
  const { last, residentSlope } = courseOf(memory);
  print(
    `scrapes                    ${verdict.scrapes}, ${verdict.scrapes - verdict.succeeded} failed`,
  );
  print(`samples in the last scrape ${verdict.samples}`);
  print(`duplicate samples          ${verdict.duplicates}`);
  print(`samples out of order       ${verdict.outOfOrder}`);
  print(`samples out of bounds      ${verdict.outOfBounds}`);
  print(`agent's memory             ${last.residentMebibytes.toFixed(1)} MiB resident at the end`);
  print(`its slope once warm        ${residentSlope.toFixed(3)} MiB a minute`);
  print(`agent's processor time     ${(processor / verdict.scrapes).toFixed(2)} ms a second`);
  print(isClean(verdict) ? "soak: passed" : "soak: failed");
}

function isClean(verdict: ScrapeVerdict): boolean {
  return (
    verdict.scrapes > 0 &&
    verdict.succeeded === verdict.scrapes &&
    verdict.duplicates === 0 &&
    verdict.outOfOrder === 0 &&
    verdict.outOfBounds === 0
  );
}

function prometheusVersion(): string {
  const { stdout, stderr } = spawnSync("prometheus", ["--version"], { encoding: "utf8" });
  return /version (\S+)/.exec(`${stdout}${stderr}`)?.[1]?.replace(/,$/, "") ?? "unknown version";
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
