/** Whose the processes on the node's GPUs are, at the steady pace: memory by owner, processes of no pod, GPUs that are held and not used, Slurm's jobs. */
import { existsSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import * as catalog from "../../core/catalog/attribution.ts";
import { gpuDevice, gpuLabels, type GpuIdentity } from "../../core/catalog/gpu-labels.ts";
import type { LabelValues } from "../../core/catalog/metric.ts";
import type { GpuProcessUse, ProcessesByGpu } from "../gpu-directory.ts";
import { createSampleReader, type AddSample } from "../sources/host/sample-reader.ts";
import { absent, type Source, type SourceContext } from "../sources/source.ts";
import type { Holder } from "./holders.ts";
import { socketPathUnder } from "./pod-resources.ts";
import {
  createProcessOwners,
  noNames,
  type ContainerNames,
  type OwnedProcess,
} from "./process-owners.ts";
import type { AttributionOptions } from "./source.ts";

type MemoryLabels = LabelValues<(typeof catalog.processMemory.labels)[number]>;

interface Memory {
  readonly gpu: GpuIdentity;
  readonly labels: MemoryLabels;
  readonly bytes: number;
}

interface State {
  readonly gpu: GpuIdentity;
  /** NaN where the node has no kubelet, or not every process can be told. */
  readonly unattributed: number;
  readonly heldWithoutProcess: number;
}

interface Round {
  readonly states: readonly State[];
  readonly memories: readonly Memory[];
  readonly leftOut: number;
  readonly unreadable: number;
}

/** What Slurm's jobs go by among those who say who holds what. */
const slurmPlace = "slurm";
/** Sixteen owners on each of sixteen GPUs. */
const maximumMemories = 256;
/** What the kernel calls the process namespace that it starts with. */
const hostNamespace = "pid:[4026531836]";
const nothing: Round = { states: [], memories: [], leftOut: Number.NaN, unreadable: Number.NaN };

export function createGpuProcessesSource(options: AttributionOptions): Source {
  return {
    name: "gpu_processes",
    sampling: "steady",
    metrics: [
      catalog.processMemory,
      catalog.processOwnersLeftOut,
      catalog.processesUnreadable,
      catalog.unattributedProcesses,
      catalog.heldWithoutProcess,
    ],
    open(context) {
      const { env, gpus, holders } = context;
      if (gpus.processes === null && !existsSync(join(env.paths.procfs, "driver/nvidia")))
        return absent("no driver lists the processes on its GPUs");
      const look = createLook(context, options);
      let round = nothing;
      const reader = createSampleReader((add) => tell(round, add, context));
      return {
        register: (slots) => reader.register(slots),
        read(column, signal) {
          round = look();
          return reader.read(column, signal);
        },
        close: () => holders.set(slurmPlace, null),
      };
    },
  };
}

function createLook(context: SourceContext, options: AttributionOptions): () => Round {
  const { env, gpus, holders } = context;
  const owners = createProcessOwners(env.paths);
  const socketPath = options.kubeletSocket || socketPathUnder(env.paths.rootfs);
  const seesAll = isInHostNamespace(env.paths.procfs);
  if (!seesAll)
    context.log.warn("the driver tells of processes in the agent's own process namespace only", {
      source: "gpu_processes",
      needs: "the host's process namespace",
    });

  return () => {
    const { processes } = gpus;
    if (processes === null) {
      holders.set(slurmPlace, null);
      return nothing;
    }
    owners.begin();
    const hasKubelet = existsSync(socketPath);
    const owned = new Map<string, readonly OwnedProcess[]>();
    const unreadable = new Set<number>();
    for (const [uuid, uses] of processes) {
      const found = mergeKinds(uses).map((use) => owners.ownerOf(use) ?? use.pid);
      for (const each of found) if (typeof each === "number") unreadable.add(each);
      owned.set(
        uuid,
        found.filter((each) => typeof each !== "number"),
      );
    }
    const jobs = slurmHolders(owned);
    holders.set(slurmPlace, jobs.length === 0 ? null : jobs);
    const memories = memoriesOf(context, owned, options.tellsProcesses);
    return {
      // A list that lacks others' processes doesn't show that a GPU is idle.
      states: seesAll ? statesOf(context, processes, owned, hasKubelet) : [],
      memories: memories.slice(0, maximumMemories).toSorted(byLabels),
      leftOut: Math.max(0, memories.length - maximumMemories),
      unreadable: unreadable.size,
    };
  };
}

/** Taken for granted where /proc doesn't tell. */
function isInHostNamespace(procfs: string): boolean {
  try {
    return readlinkSync(join(procfs, "self/ns/pid")) === hostNamespace;
  } catch {
    return true;
  }
}

/** A process that computes, renders and is a client of MPS is listed once for each; its memory is the same. */
function mergeKinds(uses: readonly GpuProcessUse[]): GpuProcessUse[] {
  const merged = new Map<string, GpuProcessUse>();
  for (const use of uses) {
    const key = `${use.pid} ${use.gpuInstance}`;
    const before = merged.get(key);
    if (!before || !(before.memoryBytes >= use.memoryBytes)) merged.set(key, use);
  }
  return [...merged.values()];
}

function slurmHolders(owned: ReadonlyMap<string, readonly OwnedProcess[]>): Holder[] {
  const found = new Map<string, Holder>();
  for (const [uuid, processes] of owned)
    for (const { gpuInstance, slurmJob: job } of processes) {
      const own = { uuid, gpuInstance, replica: "", namespace: "", pod: "", container: "", job };
      if (job !== "") found.set(`${uuid} ${gpuInstance} ${job}`, own);
    }
  return [...found.values()];
}

function statesOf(
  { gpus, holders }: SourceContext,
  processes: ProcessesByGpu,
  owned: ReadonlyMap<string, readonly OwnedProcess[]>,
  hasKubelet: boolean,
): State[] {
  return gpus.gpus.flatMap((gpu) => {
    const uses = processes.get(gpu.uuid);
    const known = owned.get(gpu.uuid);
    if (!uses || !known) return [];
    const strangers = new Set(known.filter(({ podUid }) => podUid === "").map(({ pid }) => pid));
    const isIdle = holders.all.some(
      (holder) => holder.uuid === gpu.uuid && uses.every((use) => !isOn(use, holder)),
    );
    const unattributed = hasKubelet ? strangers.size : Number.NaN;
    return [{ gpu, unattributed, heldWithoutProcess: Number(isIdle) }];
  });
}

/** Who holds the whole GPU uses it wherever the process is; of several that share it nobody knows which one does. */
function isOn(use: GpuProcessUse, { gpuInstance }: Holder): boolean {
  return gpuInstance === "" || use.gpuInstance === gpuInstance;
}

/** The largest first, so that those over the bound are the smallest. */
function memoriesOf(
  context: SourceContext,
  owned: ReadonlyMap<string, readonly OwnedProcess[]>,
  tellsProcesses: boolean,
): Memory[] {
  const sums = new Map<string, Memory>();
  for (const gpu of context.gpus.gpus)
    for (const process of owned.get(gpu.uuid) ?? []) {
      const labels = labelsOf(context, gpu, process, tellsProcesses);
      const key = Object.values(labels).join("\0");
      const before = sums.get(key)?.bytes ?? Number.NaN;
      const bytes = Number.isNaN(before)
        ? process.memoryBytes
        : before + (process.memoryBytes || 0);
      sums.set(key, { gpu, labels, bytes });
    }
  return [...sums.values()].toSorted((one, other) => (other.bytes || 0) - (one.bytes || 0));
}

/** An order that stays while the owners do, however their memory moves. */
function byLabels(one: Memory, other: Memory): number {
  const [a, b] = [one, other].map(({ labels }) => Object.values(labels).join("\0"));
  return (a ?? "") < (b ?? "") ? -1 : 1;
}

function labelsOf(
  context: SourceContext,
  gpu: GpuIdentity,
  process: OwnedProcess,
  tellsProcesses: boolean,
): MemoryLabels {
  const { podUid, containerId, slurmJob, user, gpuInstance, pid, command } = process;
  const isOfPod = podUid !== "";
  return {
    ...gpuLabels(gpu),
    GPU_I_ID: gpuInstance,
    ...(isOfPod ? podOf(context, gpu, process) : noNames),
    pod_uid: podUid,
    container_id: isOfPod ? "" : containerId,
    hpc_job: slurmJob,
    user: isOfPod ? "" : user,
    pid: tellsProcesses ? String(pid) : "",
    command: tellsProcesses ? command : "",
  };
}

/** As the kubelet names the container; where it doesn't say, the one pod that holds the GPU. */
function podOf(
  { holders }: SourceContext,
  { uuid }: GpuIdentity,
  { names, gpuInstance }: OwnedProcess,
): ContainerNames {
  if (names.pod !== "") return names;
  const pods = holders.all.filter(
    (holder) => holder.uuid === uuid && holder.gpuInstance === gpuInstance && holder.pod !== "",
  );
  const [only = noNames, ...more] = pods;
  return more.length > 0 ? noNames : only;
}

function tell(round: Round, add: AddSample, { host }: SourceContext): void {
  add(catalog.processesUnreadable, {}, round.unreadable);
  add(catalog.processOwnersLeftOut, {}, round.leftOut);
  for (const { gpu, unattributed, heldWithoutProcess } of round.states) {
    const device = gpuDevice(gpu, host.place);
    add(catalog.unattributedProcesses, gpuLabels(gpu), unattributed, device);
    add(catalog.heldWithoutProcess, gpuLabels(gpu), heldWithoutProcess, device);
  }
  for (const { gpu, labels, bytes } of round.memories)
    add(catalog.processMemory, labels, bytes, gpuDevice(gpu, host.place));
}
