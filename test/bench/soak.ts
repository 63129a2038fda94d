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
import { memoryOf, processorMilliseconds } from "./process-cost.ts";

const memoryPeriodMilliseconds = 5000;
/** Left out of the slope: the heap grows to its working size first. */
const warmUpShare = 0.3;

interface MemorySample {
  readonly minutes: number;
  readonly mebibytes: number;
}

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
    samples.push({
      minutes: (performance.now() - begun) / 60_000,
      mebibytes: memoryOf(pid).residentBytes / 1024 ** 2,
    });
  }
  return samples;
}

function report(verdict: ScrapeVerdict, memory: readonly MemorySample[], processor: number): void {
  const last = memory.at(-1)?.mebibytes ?? Number.NaN;
  const settled = memory.slice(Math.floor(memory.length * warmUpShare));
  print(
    `scrapes                    ${verdict.scrapes}, ${verdict.scrapes - verdict.succeeded} failed`,
  );
  print(`samples in the last scrape ${verdict.samples}`);
  print(`duplicate samples          ${verdict.duplicates}`);
  print(`samples out of order       ${verdict.outOfOrder}`);
  print(`samples out of bounds      ${verdict.outOfBounds}`);
  print(`agent's memory             ${last.toFixed(1)} MiB resident at the end`);
  print(`its slope once warm        ${slope(settled).toFixed(3)} MiB a minute`);
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

/** Least squares: MiB per minute. */
function slope(samples: readonly MemorySample[]): number {
  const mean = (read: (sample: MemorySample) => number): number =>
    samples.reduce((sum, sample) => sum + read(sample), 0) / samples.length;
  const middle = mean((sample) => sample.minutes);
  const level = mean((sample) => sample.mebibytes);
  const covariance = mean(({ minutes: at, mebibytes }) => (at - middle) * (mebibytes - level));
  return covariance / mean(({ minutes: at }) => (at - middle) ** 2);
}

function prometheusVersion(): string {
  const { stdout, stderr } = spawnSync("prometheus", ["--version"], { encoding: "utf8" });
  return /version (\S+)/.exec(`${stdout}${stderr}`)?.[1]?.replace(/,$/, "") ?? "unknown version";
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
