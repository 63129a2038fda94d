/**
 * On a machine with a real NVIDIA GPU: compares every value of the agent that nvidia-smi or NVML's plain calls know too, over 100
 * samples and a minute, then measures what the agent costs a fixed load. `npm run verify:gpu [-- --samples 100 --interval 600ms
 * --load-seconds 20]`. Ends with 1 on any difference, and with 0 and a loud word where there is no GPU.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parseDuration } from "../../core/kit/duration.ts";
import { freePort, startWarpwatch, untilAnswered, type Program } from "../kit/programs.ts";
import { judge, type Reading, type Verdict } from "./comparison.ts";
import { createNvidiaSmiReference, type Reference } from "./nvidia-smi-reference.ts";
import { createNvmlReference } from "./nvml-reference.ts";
import { measureOverhead } from "./overhead.ts";
import { readPage, type Page } from "./page.ts";

const { values } = parseArgs({
  options: {
    samples: { type: "string", default: "100" },
    interval: { type: "string", default: "600ms" },
    "load-seconds": { type: "string", default: "20" },
  },
});
const samples = Number(values.samples);
const intervalMilliseconds = parseDuration(values.interval) ?? Number.NaN;
const loadSeconds = Number(values["load-seconds"]);
if (!(samples >= 1 && intervalMilliseconds >= 0 && loadSeconds >= 0))
  throw new RangeError("--samples and --load-seconds take numbers, --interval a duration");
/** More of a fixed load than this is a difference. */
const highestLoss = 0.01;

const smi = createNvidiaSmiReference();
if (smi) process.exitCode = (await verify(smi)) ? 0 : 1;
else
  print(
    "\n*** SKIPPED: nvidia-smi finds no NVIDIA GPU here. NOTHING WAS VERIFIED on hardware. ***\n",
  );

async function verify(nvidiaSmi: Reference): Promise<boolean> {
  const nvml = createNvmlReference(process.env["WARPWATCH_NVML_LIBRARY"] ?? "libnvidia-ml.so.1");
  if (!nvml) print("libnvidia-ml.so.1 can't be opened: only nvidia-smi is compared with");
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-verify-"));
  try {
    const readings = await takeReadings(folder, nvml ? [nvml, nvidiaSmi] : [nvidiaSmi]);
    const verdicts = judge(readings);
    report(verdicts);
    const agrees = verdicts.length > 0 && verdicts.every(({ problem }) => problem === null);
    const isCheap = loadSeconds === 0 || (await reportOverhead(folder));
    print(agrees && isCheap ? "verify:gpu: passed" : "verify:gpu: FAILED");
    return agrees && isCheap;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each reference is asked between two pages, so that what it says must lie between what they say. */
async function takeReadings(folder: string, references: readonly Reference[]): Promise<Reading[]> {
  const { agent, address } = await startAgent(folder, [
    "--sampling.fast-period=100ms",
    "--sampling.steady-period=500ms",
  ]);
  const readings: Reading[] = [];
  try {
    await untilNvmlServes(address, agent);
    for (let sample = 0; sample < samples; sample += 1) {
      const begun = performance.now();
      let before = await readPage(address);
      for (const reference of references) {
        const found = reference();
        // What is read every half second has to be newer than the reference.
        await wait(found.length > 0 ? 600 : 0);
        const after = await readPage(address);
        readings.push(...found.map((value) => readingOf(value, before, after)));
        before = after;
      }
      await wait(Math.max(0, intervalMilliseconds - (performance.now() - begun)));
    }
  } finally {
    await agent.stop();
  }
  return readings;
}

function readingOf(value: ReturnType<Reference>[number], before: Page, after: Page): Reading {
  return {
    what: value.what,
    metric: value.metric,
    gpu: value.uuid,
    before: before.find(value),
    reference: value.value,
    after: after.find(value),
  };
}

/** Else nvidia-smi would be compared with itself. */
async function untilNvmlServes(address: string, agent: Program): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const page = await (await fetch(`http://${address}/metrics`)).text();
    // A value of every pace, and both sources up.
    const values = [
      "DCGM_FI_DEV_GPU_TEMP",
      "DCGM_FI_DEV_FB_TOTAL",
      "warpwatch_gpu_pcie_link_width_max",
    ];
    const sources = ["nvml", "nvml_details"];
    const isServed =
      values.every((name) => new RegExp(`^${name}\\{`, "m").test(page)) &&
      sources.every((name) => page.includes(`\nwarpwatch_source_up{source="${name}"} 1\n`));
    if (isServed) return;
    await wait(100);
  }
  throw new Error(`the agent doesn't read NVML; it said:\n${agent.output()}`);
}

async function startAgent(
  folder: string,
  flags: readonly string[],
): Promise<{ agent: Program; address: string }> {
  const address = `127.0.0.1:${await freePort()}`;
  const agent = startWarpwatch([
    "agent",
    `--web.listen-address=${address}`,
    `--state.folder=${join(folder, "state")}`,
    ...flags,
  ]);
  await untilAnswered(`http://${address}/-/ready`, agent);
  return { agent, address };
}

function report(verdicts: readonly Verdict[]): void {
  const gpus = new Set(verdicts.map(({ gpu }) => gpu));
  for (const { what, gpu, rounds, outside, furthest, meanDifference, problem } of verdicts) {
    const distances = `outside ${outside} of ${rounds}, by ${furthest.toPrecision(3)} at most, mean ${meanDifference.toPrecision(2)}`;
    print(`${problem === null ? "agrees " : "DIFFERS"} ${gpu} ${what}: ${problem ?? distances}`);
  }
  const differing = verdicts.filter(({ problem }) => problem !== null).length;
  print(
    `${verdicts.length} values of ${gpus.size} GPUs over ${samples} samples: ${differing} differ`,
  );
}

async function reportOverhead(folder: string): Promise<boolean> {
  const overhead = await measureOverhead(loadSeconds, async () => {
    const { agent } = await startAgent(folder, []);
    return () => agent.stop();
  });
  if (typeof overhead === "string") {
    print(`overhead was NOT measured: ${overhead}`);
    return true;
  }
  const list = (rates: readonly number[]): string => rates.map((rate) => rate.toFixed(1)).join(" ");
  print(`matrices a second without the agent: ${list(overhead.without)}`);
  print(`matrices a second beside it:         ${list(overhead.beside)}`);
  print(`taken away from the load:            ${(overhead.lost * 100).toFixed(3)} %`);
  return overhead.lost <= highestLoss;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
