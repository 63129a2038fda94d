/**
 * What reading GPUs costs: 640 fields of one GPU, and eight stand-in GPUs with all families once a second through the probe, in
 * processor time of both processes and memory of the probe; against starting a program for each sample, as exporters over nvidia-smi do.
 * `node test/bench/gpu.ts [--seconds 20]`. The stand-in's own work is in it, and nothing of what the real nvidia-smi does.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { layouts } from "../../agent/probes/nvml/layouts.ts";
import { openLibrary, type NvmlLibrary } from "../../agent/probes/nvml/library.ts";
import { createPlan } from "../../agent/probes/nvml/plan.ts";
import { createNvmlSources } from "../../agent/sources/gpu/nvml.ts";
import type { Reader } from "../../agent/sources/source.ts";
import { createSeriesList } from "../../core/wire/slots.ts";
import { makeStandInNode } from "../kit/nvml-node.ts";
import { buildNvmlStandIn } from "../standins/build.ts";
import { processorMilliseconds, proportionalBytes } from "./process-cost.ts";
import { reportBench, type BenchRow } from "./report.ts";

const fieldCount = 640;
const gpuCount = 8;
const roundsPerRow = 5;
const { values } = parseArgs({ options: { seconds: { type: "string", default: "20" } } });
const seconds = Number(values.seconds);

const library = await openLibrary(buildNvmlStandIn(), []);
if (typeof library === "string") throw new Error(library);
const rows = [...timeBinding(library), ...(await timeRounds()), ...timeSpawns()];
reportBench("gpu", { seconds, fieldCount, gpuCount }, rows);
// The probe is left to end by itself.
process.exit(0);

/** A crossing into the library that comes back at once, and what 640 answered fields take to be read. */
function timeBinding(crossed: NvmlLibrary): BenchRow[] {
  const answered = { ...crossed, call: answerFields };
  const fields = Array.from({ length: fieldCount }, (_, index) => ({
    key: String(index),
    id: index,
    scope: 0,
    group: "fast" as const,
  }));
  const plan = createPlan(answered, 1, "fast", [], fields);
  const column = new Float64Array(fieldCount);
  return [
    { what: "a call of the library", unit: "µs", rounds: time(() => crossed.call("nvmlShutdown")) },
    {
      what: `reading ${plan.keys.length} fields that were answered`,
      unit: "µs",
      rounds: time(() => plan.read(column, 0)),
    },
  ];
}

/** Marks each field as an answered u64, once: the driver's own work isn't what is timed. */
function answerFields(_: string, ...passed: (number | Uint8Array)[]): number {
  const [, count, bytes] = passed;
  const { bytes: stride, at } = layouts.fieldValue;
  if (!(bytes instanceof Buffer) || typeof count !== "number") return 0;
  if (bytes.readUInt32LE(at.valueType) === 3) return 0;
  for (let start = 0; start < count * stride; start += stride) {
    bytes.writeUInt32LE(3, start + at.valueType);
    bytes.writeInt32LE(0, start + at.nvmlReturn);
  }
  return 0;
}

function time(work: () => unknown): number[] {
  const times = 5000;
  const run = (): number => {
    const begun = performance.now();
    for (let count = 0; count < times; count += 1) work();
    return ((performance.now() - begun) * 1000) / times;
  };
  run();
  return Array.from({ length: roundsPerRow }, run);
}

async function timeRounds(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-gpu-bench-"));
  const node = makeStandInNode(folder, gpuCount);
  const readers: Reader[] = [];
  let series = 0;
  const columns: Float64Array[] = [];
  for (const source of createNvmlSources({ library: buildNvmlStandIn() }).sources) {
    const reader = await source.open(node.context, new AbortController().signal);
    if ("absent" in reader) throw new Error(reader.absent);
    const list = createSeriesList(100_000);
    reader.register(list);
    series += list.series.length;
    readers.push(reader);
    columns.push(new Float64Array(list.series.length));
  }
  const pid = node.probe()?.pid ?? 0;
  /** The second reader every 15 s, as the sampler has it. */
  const pass = async (count: number, milliseconds: number): Promise<void> => {
    for (let second = 0; second < count; second += 1) {
      for (const [index, reader] of readers.entries())
        if (index === 0 || second % 15 === 0)
          await reader.read(columns[index] ?? new Float64Array(0), new AbortController().signal);
      await wait(milliseconds);
    }
  };
  // What a process does once after its start, compile and tidy up, is over then.
  await pass(300, 20);
  const [probeBefore, agentBefore] = [
    processorMilliseconds(pid),
    processorMilliseconds(process.pid),
  ];
  await pass(seconds, 1000);
  const probeCost = (processorMilliseconds(pid) - probeBefore) / seconds;
  const agentCost = (processorMilliseconds(process.pid) - agentBefore) / seconds;
  const memory = proportionalBytes(pid) / 1024 ** 2;
  node.probes.close();
  rmSync(folder, { recursive: true, force: true });
  return [
    { what: "series of eight GPUs", unit: "", rounds: [series] },
    { what: "processor time of the probe", unit: "ms/s", rounds: [probeCost] },
    { what: "processor time of the agent for it", unit: "ms/s", rounds: [agentCost] },
    { what: "proportional memory of the probe", unit: "MiB", rounds: [memory] },
  ];
}

/** The floor of what a sample through nvidia-smi costs: a program that only prints what it would, started and read. */
function timeSpawns(): BenchRow[] {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-gpu-bench-"));
  const line = Array.from({ length: 60 }, (_, column) => `${column * 1000} MiB`).join(", ");
  const source = join(folder, "fake.c");
  writeFileSync(
    source,
    `#include <stdio.h>\nint main(void) { for (int gpu = 0; gpu < ${gpuCount}; gpu++) puts("${line}"); }\n`,
  );
  const program = join(folder, "nvidia-smi");
  execFileSync("gcc", ["-O2", "-o", program, source]);
  const spawns = 40;
  const rounds = Array.from({ length: roundsPerRow }, () => {
    const before = ownAndChildrenMilliseconds();
    for (let count = 0; count < spawns; count += 1) execFileSync(program);
    return (ownAndChildrenMilliseconds() - before) / spawns;
  });
  rmSync(folder, { recursive: true, force: true });
  return [{ what: "starting a program that only prints it", unit: "ms", rounds }];
}

/** Ticks of a hundredth of a second, as proc(5) counts them: own time, then that of children that were waited for. */
function ownAndChildrenMilliseconds(): number {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * 10;
}
