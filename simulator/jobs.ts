/** Who uses the fleet: jobs arrive, take whole nodes (training) or a few GPUs or slices (inference), run for hours, and leave. */
import type { GpuColumns } from "./columns.ts";
import type { HostState } from "./host-columns.ts";
import { createRandomStreams, type RandomStreams } from "./random.ts";

export const workloads = ["mixed", "training", "inference", "idle"] as const;
export type Workload = (typeof workloads)[number];

export interface Job {
  readonly kind: "training" | "inference";
  readonly gpus: Int32Array;
  /** The part of each of its GPUs that it has: 1, or one MIG slice. */
  readonly share: number;
  readonly nodeCount: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Loading data and weights before the first step. */
  readonly startupSeconds: number;
  readonly rampSeconds: number;
  /** One training iteration, and the part of it in which all GPUs exchange gradients. */
  readonly periodSeconds: number;
  readonly collectiveShare: number;
  readonly checkpointEverySeconds: number;
  readonly checkpointSeconds: number;
  readonly intensity: number;
  readonly memoryFill: number;
  /** Inference: where the service's day peaks, and the state of its request rate. */
  readonly peakTurn: number;
  /** Its own, so that a job's load doesn't hang on which other jobs there are. */
  readonly random: RandomStreams;
  wander: number;
  burst: number;
  burstUntilSeconds: number;
}

export interface Scheduler {
  readonly jobs: readonly Job[];
  /** Ends what is over or broken, starts what has arrived. */
  step(nowSeconds: number): void;
}

export interface SchedulerOptions {
  readonly seed: number;
  readonly workload: Workload;
  readonly gpus: GpuColumns;
  readonly hosts: HostState["nodes"];
  readonly gpusPerNode: number;
  readonly slicesPerGpu: number;
  readonly startSeconds: number;
}

/** The share of the fleet that has work when nothing is broken. */
const occupancy: Readonly<Record<Workload, number>> = {
  mixed: 0.85,
  training: 1,
  inference: 1,
  idle: 0,
};
const trainingSizes = [1, 1, 1, 2, 2, 4, 8, 16, 32];
const inferenceSizes = [1, 1, 1, 2, 4, 8];
/** A training run without end takes at most this many nodes, so that a large fleet has several. */
const pinnedTrainingNodes = 16;
const hour = 3600;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { gpus, workload, slicesPerGpu } = options;
  const random = createRandomStreams(options.seed, "jobs", 1);
  const board = createBoard(options, random);
  const jobs: Job[] = [];
  let taken = 0;
  let nextArrivalSeconds = options.startSeconds;
  const fullAt = board.places * occupancy[workload];

  function end(index: number): void {
    for (const gpu of jobs[index]!.gpus) gpus.tenants[gpu]! -= 1;
    taken -= jobs[index]!.gpus.length;
    jobs.splice(index, 1);
  }
  /** Tries to place one job that has done `age` of its work; false when nothing fits. */
  function arrive(nowSeconds: number, age: number): boolean {
    const training = workload === "training" || (workload === "mixed" && random.uniform(0) < 0.6);
    const kind = training && slicesPerGpu === 1 ? "training" : "inference";
    const members = kind === "training" ? board.findForTraining() : board.findForInference();
    if (members.length === 0) return false;
    jobs.push(createJob(options, random, kind, members, nowSeconds, age));
    for (const gpu of members) gpus.tenants[gpu]! += 1;
    taken += members.length;
    return true;
  }
  // The fleet is found in the middle of its work, not empty.
  for (let refusals = 0; refusals < 20;) {
    if (taken >= fullAt) break;
    const age = 0.05 + 0.9 * random.uniform(0);
    if (!arrive(options.startSeconds, age)) refusals += 1;
  }

  return {
    jobs,
    step(nowSeconds) {
      for (let index = jobs.length - 1; index >= 0; index -= 1) {
        const job = jobs[index]!;
        if (nowSeconds >= job.endSeconds || !job.gpus.every(board.isHealthy)) end(index);
      }
      if (taken >= fullAt || nowSeconds < nextArrivalSeconds) return;
      arrive(nowSeconds, 0);
      nextArrivalSeconds = nowSeconds + random.exponential(0) * Math.max(2, 600 / board.nodes);
    },
  };
}

/** Where jobs can go. */
interface Board {
  readonly nodes: number;
  /** GPUs, or slices of them. */
  readonly places: number;
  isHealthy(this: void, gpu: number): boolean;
  /** Whole nodes, or an empty list. */
  findForTraining(): number[];
  /** GPUs of one node, or an empty list. */
  findForInference(): number[];
}

function createBoard(options: SchedulerOptions, random: RandomStreams): Board {
  const { gpus, hosts, gpusPerNode, slicesPerGpu, workload } = options;
  const nodes = hosts.vanished.length;
  const pinned = workload === "training";
  const pick = (sizes: readonly number[]): number =>
    sizes[Math.floor(random.uniform(0) * sizes.length)] ?? 1;
  const isHealthy = (gpu: number): boolean =>
    gpus.lost[gpu] === 0 && hosts.vanished[Math.floor(gpu / gpusPerNode)] === 0;

  /** The GPUs of a node that are sound and have fewer tenants than this. */
  function freeGpus(node: number, tenants: number): number[] {
    const found: number[] = [];
    for (let gpu = node * gpusPerNode; gpu < (node + 1) * gpusPerNode; gpu += 1)
      if (gpus.tenants[gpu]! < tenants && isHealthy(gpu)) found.push(gpu);
    return found;
  }

  return {
    nodes,
    places: nodes * gpusPerNode * slicesPerGpu,
    isHealthy,
    findForTraining() {
      const size = pinned ? pinnedTrainingNodes : pick(trainingSizes);
      const offset = Math.floor(random.uniform(0) * nodes);
      const found: number[][] = [];
      for (let turn = 0; turn < nodes && found.length < size; turn += 1) {
        const members = freeGpus((turn + offset) % nodes, 1);
        if (members.length === gpusPerNode || (pinned && members.length > 0)) found.push(members);
      }
      return pinned || found.length === size ? found.flat() : [];
    },
    findForInference() {
      const size = slicesPerGpu > 1 ? 1 : Math.min(gpusPerNode, pick(inferenceSizes));
      const offset = Math.floor(random.uniform(0) * nodes);
      for (let turn = 0; turn < nodes; turn += 1) {
        const members = freeGpus((turn + offset) % nodes, slicesPerGpu);
        if (members.length >= size) return members.slice(0, size);
      }
      return [];
    },
  };
}

function createJob(
  options: SchedulerOptions,
  random: RandomStreams,
  kind: Job["kind"],
  members: readonly number[],
  nowSeconds: number,
  age: number,
): Job {
  const between = (low: number, high: number): number => low + (high - low) * random.uniform(0);
  const meanHours = kind === "training" ? 9 : 30;
  const seconds =
    options.workload === "mixed" ? (0.3 + random.exponential(0) * meanHours) * hour : Infinity;
  return {
    kind,
    gpus: Int32Array.from(members),
    share: 1 / options.slicesPerGpu,
    nodeCount: new Set(members.map((gpu) => Math.floor(gpu / options.gpusPerNode))).size,
    startSeconds: nowSeconds - age * Math.min(seconds, 24 * hour),
    endSeconds: nowSeconds + (1 - age) * seconds,
    startupSeconds: between(20, 90),
    rampSeconds: between(30, 180),
    periodSeconds: between(1.5, 14),
    collectiveShare: members.length === 1 ? 0 : between(0.08, 0.28),
    checkpointEverySeconds: between(900, 2700),
    checkpointSeconds: between(10, 45),
    intensity: between(0.78, 1),
    memoryFill: kind === "training" ? between(0.6, 0.94) : between(0.8, 0.93),
    peakTurn: between(0.45, 0.7),
    random: createRandomStreams(options.seed, `job ${random.integer(0)}`, 1),
    wander: 0,
    burst: 0,
    burstUntilSeconds: 0,
  };
}
