/**
 * Faults of GPUs, one after the other, while the NVML sources read eight stand-in GPUs through the real probe: what the other
 * GPUs' series lose by it, how late the agent's loop runs, and what is left open at the end.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import type { OwnedProbes } from "../../agent/probes/process.ts";
import { createNvmlSources } from "../../agent/sources/gpu/nvml.ts";
import type { Reader, Source, SourceContext } from "../../agent/sources/source.ts";
import { temperature } from "../../core/catalog/gpu.ts";
import { labelsOf } from "../../core/wire/frame.ts";
import { createSeriesList } from "../../core/wire/slots.ts";
import { buildNvmlStandIn } from "../standins/build.ts";
import type { NvmlControl } from "../standins/nvml-control.ts";
import { makeStandInNode } from "./nvml-node.ts";

export interface FaultCounts {
  /** Of the whole GPU, as a driver's firmware hangs. */
  readonly hangs: number;
  /** In one call of those that read, after the GPU had answered its test. */
  readonly hangsInReading: number;
  readonly losses: number;
  readonly splits: number;
  readonly reloads: number;
}

export interface FaultReport {
  /** Samples of the GPUs that nothing was wrong with: there, and due. Reloads and hangs in reading apart. */
  readonly present: number;
  readonly due: number;
  /** For how long the other GPUs had no samples after each hang in reading. */
  readonly gapsMilliseconds: readonly number[];
  /** Rounds from a driver that is back to samples of all GPUs. */
  readonly roundsToReload: readonly number[];
  readonly loopDelayMilliseconds: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
  /** What the processes still hold in the library. */
  readonly opened: Readonly<Record<string, number>>;
  readonly abandoned: number;
  /** Faults that were never seen, or never seen to pass. */
  readonly missed: number;
}

const gpuCount = 8;
const roundMilliseconds = 60;
const maximumRounds = 100;

interface Rig {
  readonly control: NvmlControl;
  readonly probes: OwnedProbes;
  readonly fast: FollowedSource;
  readonly slow: FollowedSource;
  release(): Promise<unknown>;
}

/** GPUs that told their temperature in a round. */
type FollowedSource = () => Promise<ReadonlySet<string>>;

export async function injectFaults(folder: string, counts: FaultCounts): Promise<FaultReport> {
  const rig = await createRig(folder);
  const tally = { present: 0, due: 0, missed: 0 };
  const gapsMilliseconds: number[] = [];
  const roundsToReload: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();

  /** Rounds until it holds; false if it never does. `spared` is the GPU that may be missing, -1 when any may. */
  async function until(spared: number, holds: (seen: ReadonlySet<string>) => boolean) {
    for (let round = 1; round <= maximumRounds; round += 1) {
      await wait(roundMilliseconds);
      const seen = await rig.fast();
      if (spared >= 0) {
        tally.due += gpuCount - 1;
        tally.present += [...wholeGpus(seen)].filter((gpu) => gpu !== String(spared)).length;
      }
      if (holds(seen)) return round;
    }
    tally.missed += 1;
    return maximumRounds;
  }

  for (let count = 0; count < counts.hangs + counts.losses; count += 1) {
    const gpu = count % gpuCount;
    const fault = count < counts.hangs ? "hang" : "lost";
    rig.control.change(`gpu${gpu}`, { [fault]: 1 });
    await until(gpu, (seen) => !seen.has(String(gpu)));
    rig.control.change(`gpu${gpu}`, { [fault]: null });
    await until(gpu, (seen) => seen.has(String(gpu)));
  }
  for (let count = 0; count < counts.splits; count += 1) {
    const gpu = count % gpuCount;
    rig.control.split(gpu, count % 2 === 0 ? ["1g.10gb", "2g.20gb"] : []);
    await rig.slow();
    await until(gpu, (seen) => seen.has(`${gpu}/7`) === (count % 2 === 0));
  }
  for (let count = 0; count < counts.reloads; count += 1) {
    await rig.release();
    rig.control.change("system", { "return.nvmlInit_v2": 9 });
    await until(-1, (seen) => seen.size === 0);
    rig.control.change("system", { "return.nvmlInit_v2": null });
    roundsToReload.push(await until(-1, (seen) => isWhole(seen)));
  }
  const slowest = { "hang.nvmlDeviceGetPowerUsage": 1 };
  for (let count = 0; count < counts.hangsInReading; count += 1) {
    const gpu = count % gpuCount;
    rig.control.change(`gpu${gpu}`, slowest);
    const begun = performance.now();
    await until(-1, (seen) => wholeGpus(seen).size === gpuCount - 1);
    gapsMilliseconds.push(performance.now() - begun);
    rig.control.change(`gpu${gpu}`, { "hang.nvmlDeviceGetPowerUsage": null });
    await until(-1, (seen) => isWhole(seen));
  }
  delay.disable();
  await rig.release();
  const { abandoned } = rig.probes.counts("gpu");
  await endOfAbandoned(rig.control);
  rig.probes.close();
  return {
    present: tally.present,
    due: tally.due,
    gapsMilliseconds,
    roundsToReload,
    loopDelayMilliseconds: {
      p50: delay.percentile(50) / 1e6,
      p99: delay.percentile(99) / 1e6,
      max: delay.max / 1e6,
    },
    opened: rig.control.opened(),
    abandoned,
    missed: tally.missed,
  };
}

function wholeGpus(seen: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...seen].map((gpu) => gpu.split("/")[0] ?? ""));
}

function isWhole(seen: ReadonlySet<string>): boolean {
  return wholeGpus(seen).size === gpuCount;
}

/** An abandoned process ends when its call comes back; what the dead held, the kernel has taken back. */
async function endOfAbandoned(control: NvmlControl): Promise<void> {
  for (let look = 0; look < 100 && control.processes().length > 1; look += 1) await wait(50);
}

async function createRig(folder: string): Promise<Rig> {
  const { control, probes, context } = makeStandInNode(folder, gpuCount);
  const library = buildNvmlStandIn();
  const { sources } = createNvmlSources({ library, holdMilliseconds: 100 });
  const [fast, slow] = sources;
  if (!fast || !slow) throw new Error("there are two NVML sources");
  return {
    control,
    probes,
    fast: await followSource(fast, context),
    slow: await followSource(slow, context),
    release: () => fast.release?.() ?? Promise.resolve(),
  };
}

async function followSource(source: Source, context: SourceContext): Promise<FollowedSource> {
  const reader = await source.open(context, new AbortController().signal);
  if ("absent" in reader) throw new Error(reader.absent);
  let gpus: (string | null)[] = [];
  return async () => {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      if (attempt > 0 || gpus.length === 0) gpus = register(reader);
      const column = new Float64Array(gpus.length).fill(Number.NaN);
      try {
        if ((await reader.read(column, new AbortController().signal)) === "changed") continue;
      } catch {
        return new Set();
      }
      return new Set(
        gpus.flatMap((gpu, slot) => (gpu === null || Number.isNaN(column[slot]) ? [] : [gpu])),
      );
    }
    return new Set();
  };
}

/** For each slot the GPU whose temperature it is; of an instance, whose memory. */
function register(reader: Reader): (string | null)[] {
  const list = createSeriesList(20_000);
  reader.register(list);
  return list.series.map((series) => {
    const { gpu = "", GPU_I_ID: instance = "" } = labelsOf(series);
    if (series.metric === temperature) return gpu;
    return instance !== "" && series.metric.name.endsWith("FB_USED") ? `${gpu}/${instance}` : null;
  });
}
