/**
 * A whole node with eight stand-in GPUs and all host families at one sample a second: processor time and proportional memory of
 * the agent and its child processes, scraped every second. `node test/bench/gpu-node.ts [--seconds 60] [--bundle]`, the last
 * after `npm run build`. The stand-in library's own work is in it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { childTitled, startGpuAgent } from "../kit/gpu-agent.ts";
import { memoryOf, processorMilliseconds, proportionalBytes } from "./process-cost.ts";
import { reportBench, type BenchRow } from "./report.ts";

const gpuCount = 8;
/** What the processes do once after their start is over then. */
const warmUpSeconds = 60;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    bundle: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
if (!(seconds >= 1)) throw new RangeError("--seconds takes a number from 1");

const folder = mkdtempSync(join(tmpdir(), "warpwatch-gpu-node-"));
const agent = await startGpuAgent(
  folder,
  Array.from({ length: gpuCount }, () => "h100" as const),
  { isBundle: values.bundle },
);
try {
  const pids = processesOf(agent.program.child.pid ?? 0);
  await pass(warmUpSeconds, agent.address);
  const before = pids.map(({ pid }) => processorMilliseconds(pid));
  const begun = performance.now();
  const bytes = await pass(seconds, agent.address);
  const elapsedSeconds = (performance.now() - begun) / 1000;
  const costs = pids.map(({ name, pid }, index) => ({
    name,
    millisecondsASecond: (processorMilliseconds(pid) - (before[index] ?? 0)) / elapsedSeconds,
    proportionalMebibytes: proportionalBytes(pid) / 1024 ** 2,
    anonymousMebibytes: memoryOf(pid).anonymousBytes / 1024 ** 2,
  }));
  const sum = (read: (cost: (typeof costs)[number]) => number): number =>
    costs.reduce((total, cost) => total + read(cost), 0);
  const rows = [
    row("page", "KiB", bytes / 1024),
    ...costs.flatMap((cost) => [
      row(`${cost.name}: processor time`, "ms/s", cost.millisecondsASecond),
      row(`${cost.name}: proportional memory`, "MiB", cost.proportionalMebibytes),
      row(`${cost.name}: of it anonymous`, "MiB", cost.anonymousMebibytes),
    ]),
    row("all: share of a core", "%", sum((cost) => cost.millisecondsASecond) / 10),
    row(
      "all: proportional memory",
      "MiB",
      sum((cost) => cost.proportionalMebibytes),
    ),
  ];
  reportBench("gpu-node", { seconds, gpuCount, isBundle: values.bundle }, rows);
} finally {
  await agent.program.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** The agent and those of its children that live. */
function processesOf(parent: number): { name: string; pid: number }[] {
  const children = ["gpu", "slow-kernel"].flatMap((name) => {
    try {
      return [{ name: `${name} probe`, pid: childTitled(parent, `warpwatch-${name}`) }];
    } catch {
      return [];
    }
  });
  return [{ name: "agent", pid: parent }, ...children];
}

async function pass(count: number, address: string): Promise<number> {
  const begun = performance.now();
  let bytes = 0;
  for (let second = 1; second <= count; second += 1) {
    bytes = (await (await fetch(`http://${address}/metrics`)).arrayBuffer()).byteLength;
    await wait(Math.max(0, begun + second * 1000 - performance.now()));
  }
  return bytes;
}

function row(what: string, unit: string, value: number): BenchRow {
  return { what, unit, rounds: [value] };
}
