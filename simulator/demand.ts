/** What the jobs ask of each GPU this step: phases of training in which all GPUs of a job move together, and the daily tide and bursts of inference. */
import { clamp, wave } from "./arithmetic.ts";
import type { GpuColumns } from "./columns.ts";
import type { Job } from "./jobs.ts";

interface Demand {
  readonly busy: number;
  readonly compute: number;
  readonly memory: number;
  /** Shares of the NVLinks', the rail NIC's and the PCIe link's bandwidth. */
  readonly link: number;
  readonly network: number;
  readonly pcie: number;
  readonly fill: number;
}

const daySeconds = 86_400;

/** Clears and fills the demand columns for the step that ends at `nowSeconds`. */
export function stepDemand(
  gpus: GpuColumns,
  jobs: readonly Job[],
  nowSeconds: number,
  seconds: number,
): void {
  for (const column of [
    gpus.demandBusy,
    gpus.demandCompute,
    gpus.demandMemory,
    gpus.demandLink,
    gpus.demandNetwork,
    gpus.demandPcie,
    gpus.demandMemoryFill,
  ])
    column.fill(0);
  for (const job of jobs)
    spread(
      gpus,
      job,
      job.kind === "training"
        ? trainingDemand(job, nowSeconds, seconds)
        : inferenceDemand(job, nowSeconds, seconds),
    );
}

/**
 * Gives the job's demand to its GPUs. A training step ends when the slowest GPU is done:
 * the others wait for it, computing less while their kernels still spin (utilization stays, power falls).
 */
function spread(gpus: GpuColumns, job: Job, demand: Demand): void {
  let slowest = 1;
  if (job.kind === "training")
    for (const gpu of job.gpus) slowest = Math.min(slowest, gpus.clockRatio[gpu]!);
  for (const gpu of job.gpus) {
    const pace = job.kind === "training" ? slowest / gpus.clockRatio[gpu]! : 1;
    gpus.demandMemoryFill[gpu]! += demand.fill * job.share;
    if (gpus.idleAllocated[gpu]! > 0) continue;
    gpus.demandBusy[gpu]! += demand.busy * job.share;
    gpus.demandCompute[gpu]! += demand.compute * pace * job.share;
    gpus.demandMemory[gpu]! += demand.memory * pace * job.share;
    gpus.demandLink[gpu]! += demand.link * slowest * job.share;
    gpus.demandNetwork[gpu]! += demand.network * slowest * job.share;
    gpus.demandPcie[gpu]! += demand.pcie * job.share;
  }
}

function trainingDemand(job: Job, nowSeconds: number, seconds: number): Demand {
  const age = nowSeconds - job.startSeconds;
  if (age < job.startupSeconds) return loading(job, age);
  const running = age - job.startupSeconds;
  const sinceCheckpoint = running % job.checkpointEverySeconds;
  if (running > job.checkpointEverySeconds && sinceCheckpoint < job.checkpointSeconds)
    return {
      busy: 0.03,
      compute: 0.01,
      memory: 0.04,
      link: 0,
      network: 0.3,
      pcie: 0.25,
      fill: job.memoryFill,
    };
  const ramp = job.intensity * (0.4 + 0.6 * Math.min(1, running / job.rampSeconds));
  const collective = collectivePart(running, seconds, job.periodSeconds, job.collectiveShare);
  const computing = 1 - collective;
  return {
    busy: 0.99,
    compute: ramp * (computing + 0.1 * collective),
    memory: ramp * (0.62 * computing + 0.3 * collective),
    link: ramp * (0.06 * computing + 0.75 * collective),
    network: job.nodeCount > 1 ? 0.85 * collective : 0,
    pcie: 0.06,
    fill: job.memoryFill,
  };
}

/** Before its first step a job reads data and weights from storage into GPU memory. */
function loading(job: Job, age: number): Demand {
  return {
    busy: 0.04,
    compute: 0.01,
    memory: 0.04,
    link: 0,
    network: 0.05,
    pcie: 0.4,
    fill: (job.memoryFill * age) / job.startupSeconds,
  };
}

/** The part of the last `seconds` that fell into the collective at the end of each period. */
function collectivePart(running: number, seconds: number, period: number, share: number): number {
  const upTo = (time: number): number => {
    const whole = Math.floor(time / period);
    return whole * share * period + Math.max(0, time - whole * period - (1 - share) * period);
  };
  return share === 0 ? 0 : (upTo(running) - upTo(Math.max(0, running - seconds))) / seconds;
}

function inferenceDemand(job: Job, nowSeconds: number, seconds: number): Demand {
  const age = nowSeconds - job.startSeconds;
  if (age < job.startupSeconds) return loading(job, age);
  const forget = Math.min(1, seconds / 40);
  job.wander += forget * (0.6 * job.random.normal(0) - job.wander);
  if (nowSeconds > job.burstUntilSeconds) {
    job.burst = 0;
    // About two bursts an hour.
    if (job.random.uniform(0) < seconds / 1800) {
      job.burst = 0.3 + 0.5 * job.random.uniform(0);
      job.burstUntilSeconds = nowSeconds + 20 + 160 * job.random.uniform(0);
    }
  }
  const tide = 0.5 + 0.3 * wave(nowSeconds / daySeconds - job.peakTurn + 0.25);
  const load = clamp(tide + job.wander + job.burst, 0.02, 1) * job.intensity;
  return {
    busy: Math.min(1, 1.4 * load),
    compute: 0.32 * load,
    memory: 0.8 * load,
    link: job.gpus.length > 1 ? 0.12 * load : 0,
    network: 0.04 * load,
    pcie: 0.08 * load,
    fill: job.memoryFill,
  };
}
