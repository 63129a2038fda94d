/** Asks, at the steady pace, who holds the node's GPUs; the answers become labels and series. */
import { existsSync } from "node:fs";
import * as catalog from "../../core/catalog/attribution.ts";
import { gpuDevice, gpuLabels, type GpuIdentity } from "../../core/catalog/gpu-labels.ts";
import type { SlotRegistrar } from "../../core/wire/slots.ts";
import { absent, type Reader, type Source, type SourceContext } from "../sources/source.ts";
import { parseDeviceId } from "./device-id.ts";
import type { GpuInstance } from "../gpu-directory.ts";
import type { Holder } from "./holders.ts";
import { readJobFolder } from "./job-folder.ts";
import {
  listAllocatable,
  listHeldDevices,
  socketPathUnder,
  type HeldDevice,
} from "./pod-resources.ts";

export interface AttributionOptions {
  /** The kubelet's socket; under the root filesystem where it always is, if empty. */
  readonly kubeletSocket: string;
  /** Folder of the HPC job mapping; empty for none. */
  readonly jobFolder: string;
  /** Each process's memory by its number, not its owner's in one sum. */
  readonly tellsProcesses: boolean;
}

/** While the kubelet restarts its last answer holds; afterwards nobody is said to hold anything. */
const keepMilliseconds = 60_000;

interface Session {
  readonly context: SourceContext;
  readonly options: AttributionOptions;
  readonly socketPath: string;
  /** Steady milliseconds of the kubelet's last answer. */
  answeredAt: number;
  unmatched: number;
  /** UUIDs of the GPUs that the kubelet hands out, whole or in parts; null where it doesn't say. */
  allocatable: ReadonlySet<string> | null;
}

export function createAttributionSource(options: AttributionOptions): Source {
  return {
    name: "attribution",
    sampling: "steady",
    metrics: [catalog.holderInfo, catalog.holders, catalog.allocatable, catalog.unmatchedHolders],
    open(context) {
      const { env } = context;
      const socketPath = options.kubeletSocket || socketPathUnder(env.paths.rootfs);
      if (options.jobFolder === "" && !existsSync(socketPath))
        return absent(
          `no kubelet has a socket at ${socketPath}, and no folder of jobs is given by --collector.attribution.job-folder`,
        );
      return createReader({
        context,
        options,
        socketPath,
        answeredAt: -Infinity,
        unmatched: 0,
        allocatable: null,
      });
    },
  };
}

function createReader(session: Session): Reader {
  const { context } = session;
  const { holders } = context;
  let registered = "";
  let writers: ((column: Float64Array) => void)[] = [];
  const stateOf = (): string => `${holders.revision} ${context.gpus.revision}`;
  return {
    register(slots) {
      registered = stateOf();
      writers = registerHolders(slots, session);
    },
    async read(column) {
      await refresh(session);
      if (registered !== stateOf()) return "changed";
      for (const write of writers) write(column);
      return undefined;
    },
    close() {
      for (const place of ["kubelet", "jobs"]) holders.set(place, null);
    },
  };
}

async function refresh(session: Session): Promise<void> {
  const { context, options, socketPath } = session;
  const { jobFolder } = options;
  const { holders } = context;
  const { gpus, instances } = context.gpus;
  if (jobFolder !== "") holders.set("jobs", jobHolders(jobFolder, gpus));
  if (!existsSync(socketPath)) {
    holders.set("kubelet", null);
    session.allocatable = null;
    return;
  }
  const steady = context.env.clock.monotonic();
  try {
    const [held, allocatable] = await Promise.all([
      listHeldDevices({ socketPath }),
      // Kubelets before 1.23 don't know the call.
      listAllocatable({ socketPath }).catch(() => null),
    ]);
    session.allocatable = allocatable && allocatableGpus(allocatable, session);
    const matched = held.flatMap((device) => podHolder(device, gpus, instances) ?? []);
    session.unmatched = matched.filter(({ uuid }) => gpus.every((gpu) => gpu.uuid !== uuid)).length;
    session.answeredAt = steady;
    holders.set("kubelet", matched);
  } catch (thrown) {
    if (steady - session.answeredAt > keepMilliseconds) holders.set("kubelet", null);
    throw thrown;
  }
}

function allocatableGpus(deviceIds: readonly string[], { context }: Session): Set<string> {
  const { gpus, instances } = context.gpus;
  return new Set(
    deviceIds.flatMap((id) => {
      const uuid = parseDeviceId(id, gpus)?.uuid;
      return instances.find((instance) => instance.uuid === uuid)?.parentUuid ?? uuid ?? [];
    }),
  );
}

/** What isn't a GPU's, a NIC's virtual function for one, is passed over. */
function podHolder(
  { deviceId, namespace, pod, container }: HeldDevice,
  gpus: readonly GpuIdentity[],
  instances: readonly GpuInstance[],
): Holder | undefined {
  const meant = parseDeviceId(deviceId, gpus);
  if (!meant) return undefined;
  const instance = instances.find(({ uuid }) => uuid === meant.uuid);
  const part = instance && { uuid: instance.parentUuid, gpuInstance: instance.gpuInstance };
  return { ...meant, ...part, namespace, pod, container, job: "" };
}

function jobHolders(folder: string, gpus: readonly GpuIdentity[]): Holder[] {
  const found: Holder[] = [];
  for (const [name, jobs] of readJobFolder(folder)) {
    const [index, gpuInstance = ""] = name.split(".");
    const gpu = gpus.find((each) => String(each.index) === index);
    if (!gpu) continue;
    const own = { uuid: gpu.uuid, gpuInstance, replica: "", namespace: "", pod: "", container: "" };
    for (const job of jobs) found.push({ ...own, job });
  }
  return found;
}

function registerHolders(
  slots: SlotRegistrar,
  session: Session,
): ((column: Float64Array) => void)[] {
  const { context } = session;
  const { place } = context.host;
  const writers: ((column: Float64Array) => void)[] = [];
  const constant = (slot: number, value: number): void => {
    writers.push((column) => void (column[slot] = value));
  };
  for (const gpu of context.gpus.gpus) {
    const device = gpuDevice(gpu, place);
    const own = gpuLabels(gpu);
    const held = context.holders.all.filter(({ uuid }) => uuid === gpu.uuid);
    constant(slots.slot(catalog.holders, own, device), held.length);
    const allocatable = slots.slot(catalog.allocatable, own, device);
    writers.push((column) => {
      const { allocatable: handedOut } = session;
      column[allocatable] = handedOut === null ? Number.NaN : Number(handedOut.has(gpu.uuid));
    });
    for (const { gpuInstance, replica, namespace, pod, container, job } of held) {
      const labels = { ...own, GPU_I_ID: gpuInstance, vgpu: replica, hpc_job: job };
      constant(slots.slot(catalog.holderInfo, { ...labels, namespace, pod, container }, device), 1);
    }
  }
  const unmatched = slots.slot(catalog.unmatchedHolders, {}, context.host);
  writers.push((column) => void (column[unmatched] = session.unmatched));
  return writers;
}
