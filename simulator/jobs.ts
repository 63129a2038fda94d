/** Who uses the fleet: jobs arrive, take whole nodes (training) or a few GPUs or slices (inference), run for hours, and leave. */
import type { GpuColumns } from "./columns.ts";
import type { HostState } from "./host-columns.ts";
import { createRandomStreams } from "./random.ts";

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
  wander: number;
  burst: number;
  burstUntilSeconds: number;
}

export interface Scheduler {
  readonly jobs: readonly Job[];
  /** Ends what is over or broken, starts what has arrived. */
  step(nowSeconds: number): void;
  /** A draw for the load model of jobs; streams of jobs must not touch the GPUs'. */
  normal(): number;
  uniform(): number;
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

const targetOccupancy = 0.85;
const trainingSizes = [1, 1, 1, 2, 2, 4, 8, 16, 32];
const inferenceSizes = [1, 1, 1, 2, 4, 8];
/** A training run without end takes at most this many nodes, so that a large fleet has several. */
const pinnedTrainingNodes = 16;
const hour = 3600;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { gpus, hosts, gpusPerNode, slicesPerGpu, workload } = options;
  const random = createRandomStreams(options.seed, "jobs", 1);
  const nodeCount = hosts.vanished.length;
  const total = nodeCount * gpusPerNode * slicesPerGpu;
  const jobs: Job[] = [];
  let taken = 0;
  let nextArrivalSeconds = options.startSeconds;
  const uniform = (): number => random.uniform(0);
  const between = (low: number, high: number): number => low + (high - low) * uniform();

  const healthy = (gpu: number): boolean =>
    gpus.lost[gpu] === 0 && hosts.vanished[Math.floor(gpu / gpusPerNode)] === 0;
  const free = (gpu: number): boolean => healthy(gpu) && gpus.tenants[gpu]! < slicesPerGpu;

  /** Up to `size` nodes whose healthy GPUs are all free, the first from a random node on. */
  function findNodes(size: number): number[] {
    const found: number[] = [];
    const offset = Math.floor(uniform() * nodeCount);
    const nodes: number[] = [];
    for (let turn = 0; turn < nodeCount && nodes.length < size; turn += 1) {
      const first = ((turn + offset) % nodeCount) * gpusPerNode;
      const members: number[] = [];
      for (let gpu = first; gpu < first + gpusPerNode; gpu += 1)
        if (gpus.tenants[gpu] === 0 && healthy(gpu)) members.push(gpu);
      const whole =
        members.length === gpusPerNode || (workload === "training" && members.length > 0);
      if (!whole) continue;
      nodes.push(first);
      found.push(...members);
    }
    return nodes.length === size || workload === "training" ? found : [];
  }

  /** `size` free GPUs of one node, from a random node on. */
  function findGpus(size: number): number[] {
    const offset = Math.floor(uniform() * nodeCount);
    for (let turn = 0; turn < nodeCount; turn += 1) {
      const first = ((turn + offset) % nodeCount) * gpusPerNode;
      const found: number[] = [];
      for (let gpu = first; gpu < first + gpusPerNode && found.length < size; gpu += 1)
        if (free(gpu)) found.push(gpu);
      if (found.length === size) return found;
    }
    return [];
  }

  function startJob(kind: Job["kind"], members: number[], nowSeconds: number, age: number): void {
    const endless = workload !== "mixed";
    const meanHours = kind === "training" ? 9 : 30;
    const length = endless ? Infinity : (0.3 + random.exponential(0) * meanHours) * hour;
    const checkpointEverySeconds = between(900, 2700);
    jobs.push({
      kind,
      gpus: Int32Array.from(members),
      share: 1 / slicesPerGpu,
      nodeCount: new Set(members.map((gpu) => Math.floor(gpu / gpusPerNode))).size,
      startSeconds: nowSeconds - age * Math.min(length, 24 * hour),
      endSeconds: nowSeconds + (1 - age) * length,
      startupSeconds: between(20, 90),
      rampSeconds: between(30, 180),
      periodSeconds: between(1.5, 14),
      collectiveShare: members.length === 1 ? 0 : between(0.08, 0.28),
      checkpointEverySeconds,
      checkpointSeconds: between(10, 45),
      intensity: between(0.78, 1),
      memoryFill: kind === "training" ? between(0.6, 0.94) : between(0.8, 0.93),
      peakTurn: between(0.45, 0.7),
      wander: 0,
      burst: 0,
      burstUntilSeconds: 0,
    });
    for (const gpu of members) gpus.tenants[gpu]! += 1;
    taken += members.length;
  }

  function endJob(index: number): void {
    for (const gpu of jobs[index]!.gpus) gpus.tenants[gpu]! -= 1;
    taken -= jobs[index]!.gpus.length;
    jobs.splice(index, 1);
  }

  /** Tries to place one job; false when nothing fits. */
  function arrive(nowSeconds: number, age: number): boolean {
    const training = workload === "training" || (workload === "mixed" && uniform() < 0.6);
    const kind = training && slicesPerGpu === 1 ? "training" : "inference";
    let members: number[];
    if (kind === "inference")
      members = findGpus(slicesPerGpu > 1 ? 1 : Math.min(gpusPerNode, pick(inferenceSizes)));
    else if (workload === "training") members = findNodes(pinnedTrainingNodes);
    else members = findNodes(pick(trainingSizes));
    if (members.length === 0) return false;
    startJob(kind, members, nowSeconds, age);
    return true;
  }
  const pick = (sizes: readonly number[]): number =>
    sizes[Math.floor(uniform() * sizes.length)] ?? 1;

  /** The fleet is found in the middle of its work, not empty. */
  function fill(): void {
    for (let refusals = 0; refusals < 20;) {
      if (taken >= fullAt) return;
      if (!arrive(options.startSeconds, between(0.05, 0.95))) refusals += 1;
    }
  }
  const fullAt = workload === "idle" ? 0 : workload === "mixed" ? targetOccupancy * total : total;
  fill();

  return {
    jobs,
    uniform,
    normal: () => random.normal(0),
    step(nowSeconds) {
      for (let index = jobs.length - 1; index >= 0; index -= 1) {
        const job = jobs[index]!;
        if (nowSeconds >= job.endSeconds || !job.gpus.every(healthy)) endJob(index);
      }
      if (taken >= fullAt || nowSeconds < nextArrivalSeconds) return;
      arrive(nowSeconds, 0);
      nextArrivalSeconds = nowSeconds + random.exponential(0) * Math.max(2, 600 / nodeCount);
    },
  };
}
