/** NVIDIA GPUs through NVML, in the `gpu` probe: one session, read each second, and what moves slowly every few seconds. */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { boardInfo, instanceInfo, processes } from "../../../core/catalog/gpu-details.ts";
import { lost } from "../../../core/catalog/gpu-errors.ts";
import {
  dcgmLabelNames,
  dcgmLabels,
  gpuDevice,
  gpuLabels,
} from "../../../core/catalog/gpu-labels.ts";
import { info } from "../../../core/catalog/gpu.ts";
import { quarantiningXids } from "../../../core/catalog/xid.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { Metric, SamplingClass } from "../../../core/catalog/metric.ts";
import type { Env } from "../../../core/kit/env.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { GpuProcess, NvmlEvent } from "../../probes/nvml/messages.ts";
import type { ReadingGroup } from "../../probes/nvml/readings.ts";
import type { ProcessesByGpu } from "../../gpu-directory.ts";
import { absent, type Reader, type Source, type SourceContext } from "../source.ts";
import { reportLost } from "./lost.ts";
import type { NvmlDevice } from "./nvml-roster.ts";
import { createNvmlSession, type NvmlOptions, type NvmlSession } from "./nvml-session.ts";
import type { Better } from "./stand-by.ts";
import type { Target } from "./nvml-target.ts";
import { nvmlMetrics, targetsOf } from "./nvml-targets.ts";
import { createXidMetrics, xidEvent, xidMetrics, type XidMetrics } from "./xid-metrics.ts";

export interface NvmlSources extends Better {
  readonly sources: readonly Source[];
}

/** Where a value of a device goes. */
interface Cell {
  readonly device: NvmlDevice;
  readonly group: ReadingGroup;
  readonly position: number;
  readonly slot: number;
  readonly target: Target;
}

interface ProcessCount {
  readonly device: NvmlDevice;
  readonly kind: GpuProcess["kind"];
  readonly slot: number;
}

/** Values that are read every few seconds are repeated each second, and no longer than this. */
const oldestMilliseconds = 45_000;
const xidEventType = 8;

export function createNvmlSources(options: Partial<NvmlOptions> = {}): NvmlSources {
  let session: NvmlSession | null = null;
  let trying: Promise<unknown> = Promise.resolve();
  let isServing = false;
  // Outlive a reader, as counters from zero must.
  const xids = createXidMetrics();

  function sessionOf(context: SourceContext): NvmlSession {
    const { paths, variables } = context.env;
    const library = options.library ?? variables["WARPWATCH_NVML_LIBRARY"] ?? "";
    const driverRoots = options.driverRoots ?? driverRootsOf(paths.rootfs);
    return (session ??= createNvmlSession(context, { ...options, library, driverRoots }));
  }

  async function openSession(context: SourceContext): Promise<NvmlSession | string> {
    const given = options.library ?? context.env.variables["WARPWATCH_NVML_LIBRARY"] ?? "";
    const missing = given === "" ? whyNoDriver(context.env) : null;
    if (missing !== null) return missing;
    const opening = sessionOf(context);
    try {
      const reason = await opening.open();
      isServing = reason === null;
      return reason ?? opening;
    } catch (thrown) {
      isServing = false;
      throw thrown;
    }
  }

  function sourceOf(name: string, sampling: SamplingClass & ReadingGroup): Source {
    const metrics = nvmlMetrics.filter((metric) => metric.sampling === sampling);
    const isFast = sampling === "fast";
    return {
      name,
      sampling,
      metrics: isFast
        ? [info, lost, instanceInfo, ...metrics, ...xidMetrics]
        : [...metrics, boardInfo, processes],
      async open(context) {
        const opening = openSession(context);
        trying = opening.catch(() => undefined);
        const opened = await opening;
        if (typeof opened === "string") return absent(opened);
        // Where the kernel's log can't be read, the driver's own events are all that tells of XIDs.
        const heard = isFast && !isKernelLogReadable(context.env) ? xids : null;
        return createReader(context, opened, sampling, heard);
      },
      ...(isFast ? { release: () => session?.release() ?? Promise.resolve(false) } : {}),
    };
  }

  return {
    sources: [sourceOf("nvml", "fast"), sourceOf("nvml_details", "steady")],
    async tried() {
      await trying;
    },
    whyNotNeeded: () => (isServing ? "NVML is read instead: it tells more and costs less" : null),
  };
}

function createReader(
  context: SourceContext,
  session: NvmlSession,
  sampling: ReadingGroup,
  xids: XidMetrics | null,
): Reader {
  let cells: Cell[] = [];
  let states: {
    device: NvmlDevice;
    infoSlot: number;
    lostSlot: number;
    instanceSlots: number[];
  }[] = [];
  let counts: ProcessCount[] = [];
  let boardSlots: number[] = [];
  let registeredVersion = -1;
  const known = new Map<NvmlDevice, boolean>();

  function register(slots: SlotRegistrar): void {
    registeredVersion = session.version;
    cells = session.devices.flatMap((device) => cellsOf(slots, context, device, sampling));
    if (sampling === "steady") {
      counts = session.devices.flatMap((device) => countsOf(slots, context, device));
      boardSlots = session.devices.map((device) => registerBoard(slots, context, device));
      return;
    }
    states = session.devices.map((device) => ({
      device,
      ...registerState(slots, context, device),
    }));
    xids?.register(
      slots,
      session.devices.map(({ identity }) => identity),
      context.host.place,
    );
  }

  function tellLosses(): void {
    for (const device of session.devices) {
      const isLost = device.state === "lost";
      if (isLost && known.get(device) !== true) reportLost(context, "nvml", device.identity);
      known.set(device, isLost);
    }
  }

  /** Says too which processes are on the GPUs; after a failure nobody knows. */
  async function readRound(): Promise<void> {
    if (sampling === "fast") return session.round(sampling);
    try {
      await session.round(sampling);
    } catch (thrown) {
      context.gpus.tellProcesses("nvml", null);
      throw thrown;
    }
    context.gpus.tellProcesses("nvml", processesByGpu(session.devices));
    return undefined;
  }

  /** True where the series have to be registered anew. */
  function takeEvents(): boolean {
    let changes = false;
    for (const event of session.takeEvents())
      changes = (xids && noteEvent(context, xids, event)) === true || changes;
    return changes;
  }

  return {
    register,
    async read(column) {
      await readRound();
      if (sampling === "fast") tellLosses();
      const changes = sampling === "fast" && takeEvents();
      if (session.version !== registeredVersion || changes) return "changed";
      const now = context.env.clock.monotonic();
      for (const state of states) writeState(state, column);
      for (const cell of cells) writeCell(cell, column, now);
      for (const count of counts) writeCount(count, column);
      for (const slot of boardSlots) column[slot] = 1;
      xids?.write(column);
      return undefined;
    },
    close() {
      // The session outlives its readers: the GPUs that were seen are missed when they are gone.
    },
  };
}

function cellsOf(
  slots: SlotRegistrar,
  context: SourceContext,
  device: NvmlDevice,
  sampling: ReadingGroup,
): Cell[] {
  const { identity, description } = device;
  if (!description) return [];
  const own = gpuDevice(identity, context.host.place);
  const whole = { ...dcgmLabels(identity), ...gpuLabels(identity) };
  const cells: Cell[] = [];
  const sums = new Map<string, number>();

  function place(
    group: ReadingGroup,
    position: number,
    key: string,
    labels: typeof whole,
    of: Device,
  ): void {
    for (const target of targetsOf(key)) {
      if (target.metric.sampling !== sampling) continue;
      // Our own metrics have no label that would tell an instance from its GPU.
      if (of.kind === "mig" && !tellsInstances(target.metric)) continue;
      const all = { ...labels, ...target.extraLabels };
      const identityOfSum = target.adds === true ? JSON.stringify([target.metric.name, all]) : "";
      const slot = sums.get(identityOfSum) ?? slots.slot(target.metric, all, of);
      if (identityOfSum !== "") sums.set(identityOfSum, slot);
      cells.push({ device, group, position, slot, target });
    }
  }

  for (const group of ["fast", "steady"] as const)
    description.keys[group].forEach((key, position) => place(group, position, key, whole, own));
  let position = description.keys.fast.length;
  for (const { uuid, gpuInstance, profile, keys } of description.instances) {
    const instance = { id: String(gpuInstance), profile };
    const labels = { ...dcgmLabels(identity, instance), ...gpuLabels(identity) };
    const part: Device = { ...own, kind: "mig", id: uuid, name: `${own.name}/${gpuInstance}` };
    for (const key of keys) {
      place("fast", position, key, labels, part);
      position += 1;
    }
  }
  return cells;
}

function registerBoard(
  slots: SlotRegistrar,
  context: SourceContext,
  { identity, description }: NvmlDevice,
): number {
  const facts = {
    ...gpuLabels(identity),
    part_number: description?.partNumber ?? "",
    inforom_version: description?.inforomVersion ?? "",
  };
  return slots.slot(boardInfo, facts, gpuDevice(identity, context.host.place));
}

function countsOf(
  slots: SlotRegistrar,
  context: SourceContext,
  device: NvmlDevice,
): ProcessCount[] {
  const { identity } = device;
  const own = gpuDevice(identity, context.host.place);
  return (["compute", "graphics", "mps"] as const).map((kind) => {
    const slot = slots.slot(processes, { ...gpuLabels(identity), kind }, own);
    return { device, kind, slot };
  });
}

function writeCount({ device, kind, slot }: ProcessCount, column: Float64Array): void {
  if (device.state === "up" && device.processes)
    column[slot] = device.processes.filter((process) => process.kind === kind).length;
}

function processesByGpu(devices: readonly NvmlDevice[]): ProcessesByGpu {
  return new Map(
    devices.flatMap(({ identity, state, processes: found }) => {
      if (state !== "up" || !found) return [];
      const uses = found.map(({ pid, memoryBytes, gpuInstance }) => ({
        pid,
        memoryBytes,
        gpuInstance: gpuInstance === -1 ? "" : String(gpuInstance),
      }));
      return [[identity.uuid, uses] as const];
    }),
  );
}

function tellsInstances(metric: Metric): boolean {
  return metric.labels.includes(dcgmLabelNames[dcgmLabelNames.length - 1] ?? "");
}

function registerState(slots: SlotRegistrar, context: SourceContext, device: NvmlDevice) {
  const { identity, description } = device;
  const own = gpuDevice(identity, context.host.place);
  const labels = gpuLabels(identity);
  const facts = {
    ...labels,
    pci_bus_id: identity.pciBusId,
    model: identity.model,
    serial: description?.serial ?? "",
    driver_version: identity.driverVersion,
    vbios_version: description?.vbiosVersion ?? "",
  };
  return {
    infoSlot: slots.slot(info, facts, own),
    lostSlot: slots.slot(lost, labels, own),
    instanceSlots: (description?.instances ?? []).map(({ uuid, gpuInstance, profile }) =>
      slots.slot(
        instanceInfo,
        { ...labels, GPU_I_ID: String(gpuInstance), GPU_I_PROFILE: profile, uuid },
        own,
      ),
    ),
  };
}

/** A GPU that is silent is neither lost nor not lost: nobody knows. */
function writeState(
  state: { device: NvmlDevice; infoSlot: number; lostSlot: number; instanceSlots: number[] },
  column: Float64Array,
): void {
  column[state.infoSlot] = 1;
  for (const slot of state.instanceSlots) column[slot] = 1;
  if (state.device.state === "lost") column[state.lostSlot] = 1;
  if (state.device.state === "up") column[state.lostSlot] = 0;
}

function writeCell(cell: Cell, column: Float64Array, now: number): void {
  const { device, group, position, slot, target } = cell;
  const values = device.values[group];
  if (device.state !== "up" || !values || now - values.takenAt > oldestMilliseconds) return;
  const value = target.convert(values.column[position] ?? Number.NaN);
  const before = column[slot] ?? Number.NaN;
  column[slot] = target.adds === true && !Number.isNaN(before) ? before + value : value;
}

function noteEvent(context: SourceContext, xids: XidMetrics, event: NvmlEvent): boolean {
  if (event.type !== xidEventType || event.uuid === "") return false;
  const now = context.env.clock.now();
  context.events.report(xidEvent(event.uuid, event.data, now, ""));
  if (quarantiningXids.has(event.data)) context.gpus.quarantine(event.uuid, `XID ${event.data}`);
  return xids.note(event.uuid, event.data, now);
}

/** Looked at before the probe is started: a machine without the driver pays for no process. */
function whyNoDriver({ paths }: Env): string | null {
  const signs = [join(paths.procfs, "driver/nvidia"), join(paths.rootfs, "dev/dxg")];
  return signs.some((path) => existsSync(path))
    ? null
    : "the NVIDIA driver isn't loaded: there is no /proc/driver/nvidia";
}

/** The host's own, the GPU operator's driver container, and where GKE installs it. */
function driverRootsOf(rootfs: string): string[] {
  return ["", "run/nvidia/driver", "home/kubernetes/bin/nvidia"].map((folder) =>
    join(rootfs, folder),
  );
}

function isKernelLogReadable({ paths }: Env): boolean {
  try {
    closeSync(openSync(join(paths.rootfs, "dev/kmsg"), constants.O_RDONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}
