/**
 * A whole node with eight stand-in GPUs and all host families at one sample a second: processor time and proportional memory of
 * the agent and its child processes: scraped every second,
 * and sampling by itself for a receiver. `node test/bench/gpu-node.ts [--seconds 60] [--bundle]`, the last
 * after `npm run build`. The stand-in library's own work is in it.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  bundledAgent,
  childTitled,
  startGpuAgent,
  type GpuAgentOptions,
} from "../kit/gpu-agent.ts";
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

const receiving = [join(import.meta.dirname, "receiving-agent-program.ts")];
const folder = mkdtempSync(join(tmpdir(), "warpwatch-gpu-node-"));
/** A copy, so that no other program of this machine shares its pages and makes it look smaller than it is alone. */
const node = join(folder, "node");
copyFileSync(process.execPath, node);
try {
  const rows = [
    ...(await measure("scraped", values.bundle ? { program: bundledAgent } : {}, scrape)),
    ...(await measure("sampling alone", { program: receiving }, () => Promise.resolve())),
  ];
  reportBench("gpu-node", { seconds, gpuCount, isBundle: values.bundle }, rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(
  what: string,
  options: GpuAgentOptions,
  work: (address: string) => Promise<void>,
): Promise<BenchRow[]> {
  const gpus = Array.from({ length: gpuCount }, () => "h100" as const);
  const agent = await startGpuAgent(folder, gpus, { ...options, node });
  try {
    const pids = processesOf(agent.program.child.pid ?? 0);
    await pass(warmUpSeconds, () => work(agent.address));
    const costs = await costOf(pids, () => work(agent.address));
    const memory = pids.map(({ pid }) => proportionalBytes(pid) / 1024 ** 2);
    return [
      ...pids.flatMap(({ name, pid }, index) => [
        row(`${what}: ${name}`, "ms/s", costs[index] ?? Number.NaN),
        row(`${what}: ${name}, proportional memory`, "MiB", memory[index] ?? Number.NaN),
        row(`${what}: ${name}, anonymous`, "MiB", memoryOf(pid).anonymousBytes / 1024 ** 2),
      ]),
      row(`${what}: share of a core`, "%", sum(costs) / 10),
      row(`${what}: proportional memory`, "MiB", sum(memory)),
    ];
  } finally {
    await agent.program.stop();
  }
}

/** As a Prometheus does it, packed. */
async function scrape(address: string): Promise<void> {
  await (await fetch(`http://${address}/metrics`)).arrayBuffer();
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

/** Milliseconds of processor time a second, of each. */
async function costOf(
  pids: readonly { readonly pid: number }[],
  work: () => Promise<void>,
): Promise<number[]> {
  const before = pids.map(({ pid }) => processorMilliseconds(pid));
  const begun = performance.now();
  await pass(seconds, work);
  const elapsedSeconds = (performance.now() - begun) / 1000;
  return pids.map(
    ({ pid }, index) => (processorMilliseconds(pid) - (before[index] ?? 0)) / elapsedSeconds,
  );
}

async function pass(count: number, work: () => Promise<void>): Promise<void> {
  const begun = performance.now();
  for (let second = 1; second <= count; second += 1) {
    await work();
    await wait(Math.max(0, begun + second * 1000 - performance.now()));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function row(what: string, unit: string, value: number): BenchRow {
  return { what, unit, rounds: [value] };
}
