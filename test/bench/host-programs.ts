/** The two programs that the bench compares, with the same families, and what is asked of the agent alone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { HostPaths } from "../../core/kit/env.ts";
import { comparedCollectors, startNodeExporter } from "../kit/node-exporter.ts";
import { freePort, startProgram, untilAnswered, type Program } from "../kit/programs.ts";
import { repositoryRoot } from "../kit/sources.ts";
import { processorMilliseconds } from "./process-cost.ts";

export interface Target {
  readonly name: "warpwatch" | "node_exporter";
  readonly url: string;
  readonly program: Program;
}

const sameFamilies = [
  "--collector.disable-defaults",
  ...comparedCollectors.map((name) => `--collector.${name}`),
];
/** As in the comparison: what a process does once after its start is over then. */
const samplingWarmUpMilliseconds = 25_000;
const samplingMilliseconds = 20_000;

/** Both on free ports; the caller stops them. */
export async function startBoth(
  peer: string,
  paths: HostPaths,
  stateFolder: string,
  bundle: boolean,
): Promise<Target[]> {
  const { url, program } = await startAgent(paths, stateFolder, bundle, sameFamilies);
  await untilAnswered(url, program);
  return [
    { name: "warpwatch", url, program },
    { name: "node_exporter", ...(await startNodeExporter(peer, paths)) },
  ];
}

/** From the start of the process to its first frame with every family, in milliseconds, several times. */
export async function timeStarts(
  paths: HostPaths,
  bundle: boolean,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  const state = mkdtempSync(join(tmpdir(), "warpwatch-bench-start-"));
  try {
    while (times.length < count) {
      const began = performance.now();
      const { program } = await startAgent(paths, state, bundle, []);
      // The agent says so when its first frame is made.
      while (!program.output().includes("the agent serves metrics")) await wait(2);
      times.push(performance.now() - began);
      await program.stop();
    }
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
  return times;
}

/** Processor milliseconds per second of an agent that samples and that nobody scrapes. */
export async function costOfSampling(
  paths: HostPaths,
  periodMilliseconds: number,
): Promise<number> {
  const state = mkdtempSync(join(tmpdir(), "warpwatch-bench-sampling-"));
  const { procfs, sysfs, rootfs } = paths;
  const script = join(repositoryRoot, "test/bench/sampling-program.ts");
  const program = startProgram(process.execPath, [
    script,
    String(periodMilliseconds),
    state,
    procfs,
    sysfs,
    rootfs,
  ]);
  try {
    await wait(samplingWarmUpMilliseconds);
    const pid = program.child.pid ?? 0;
    const before = processorMilliseconds(pid);
    await wait(samplingMilliseconds);
    return ((processorMilliseconds(pid) - before) * 1000) / samplingMilliseconds;
  } finally {
    await program.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

async function startAgent(
  paths: HostPaths,
  stateFolder: string,
  bundle: boolean,
  flags: readonly string[],
): Promise<Omit<Target, "name">> {
  const port = await freePort();
  const start = bundle
    ? [
        "--eval",
        `import("${join(repositoryRoot, "dist/warpwatch.js")}").then((m) => m.main(process.argv.slice(1)))`,
        "--",
      ]
    : [join(repositoryRoot, "bin/warpwatch.js")];
  const program = startProgram(process.execPath, [
    ...start,
    "agent",
    `--web.listen-address=127.0.0.1:${port}`,
    `--state.folder=${stateFolder}`,
    `--path.procfs=${paths.procfs}`,
    `--path.sysfs=${paths.sysfs}`,
    `--path.rootfs=${paths.rootfs}`,
    ...flags,
  ]);
  return { url: `http://127.0.0.1:${port}/metrics`, program };
}
