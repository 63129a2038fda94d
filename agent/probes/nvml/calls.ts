/**
 * NVML as calls of the `gpu` probe. A call that opens, finds or tests something runs on a thread, so that a GPU that hangs
 * holds up nobody; reading holds the loop, and is asked only of a GPU that has just answered the test.
 */
import type { ProbeCall } from "../serve.ts";
import { createDevice, textIn, type ProbedDevice } from "./device.ts";
import { createEventSet, type EventSet } from "./events.ts";
import { layouts } from "./layouts.ts";
import { openLibrary, type NvmlLibrary } from "./library.ts";
import {
  silent,
  type AttachAnswer,
  type CheckAnswer,
  type CheckArgument,
  type DescribeAnswer,
  type NvmlEvent,
  type OpenAnswer,
  type OpenArgument,
  type ProcessesAnswer,
  type ReadAnswer,
  type ReadArgument,
} from "./messages.ts";
import { readProcesses } from "./processes.ts";
import { describeCode, outcomeOf, returnCodes } from "./return-codes.ts";

interface Session {
  readonly library: NvmlLibrary;
  readonly devices: Map<string, ProbedDevice>;
  readonly events: EventSet | null;
  /** Tests that haven't come back, by UUID. */
  readonly canaries: Map<string, Promise<number>>;
  /** Events that no check has told yet. */
  readonly reported: NvmlEvent[];
}

const textBytes = 96;
const emptyColumn = new Float64Array(0);
const closed = { code: returnCodes.uninitialized } as const;

export function createNvmlCalls(monotonic: () => number): Readonly<Record<string, ProbeCall>> {
  let session: Session | null = null;
  let library: NvmlLibrary | null = null;

  async function open({ library: path, driverRoots }: OpenArgument): Promise<OpenAnswer> {
    await release();
    if (library === null) {
      const opened = await openLibrary(path, driverRoots);
      if (typeof opened === "string") return { state: "absent", reason: opened };
      library = opened;
    }
    const code = await library.callAside("nvmlInit_v2");
    if (code !== returnCodes.success) return refusal(code);
    const events = createEventSet(library);
    session = { library, devices: new Map(), events, canaries: new Map(), reported: [] };
    return describeLibrary(library);
  }

  /** The library itself stays loaded: what matters to a driver that is to be unloaded are its devices. */
  async function release(): Promise<boolean> {
    const ended = session;
    session = null;
    if (!ended) return false;
    for (const device of ended.devices.values()) device.close();
    ended.events?.close();
    const code = await ended.library.callAside("nvmlShutdown");
    return code === returnCodes.success;
  }

  async function attach(index: number): Promise<AttachAnswer> {
    const found = session ? await findDevice(session.library, index) : null;
    if (!session || !found) return { ...closed, uuid: "", pciBusId: "" };
    const { handle, ...answer } = found;
    if (
      answer.code === returnCodes.success &&
      session.devices.get(answer.uuid)?.handle !== handle
    ) {
      session.devices.get(answer.uuid)?.close();
      const device = createDevice(session.library, handle, answer.uuid, monotonic);
      session.devices.set(answer.uuid, device);
    }
    return answer;
  }

  function describe(uuid: string): DescribeAnswer | typeof closed {
    const device = session?.devices.get(uuid);
    if (!session || !device) return closed;
    session.events?.watch(device.handle);
    return device.describe();
  }

  async function check({ uuids, patienceMilliseconds }: CheckArgument): Promise<CheckAnswer> {
    const codes = new Int32Array(uuids.length).fill(silent);
    if (!session) return { isOpen: false, count: Number.NaN, codes, events: [] };
    const current = session;
    let count = Number.NaN;
    const answers = uuids.map(async (uuid, index) => {
      codes[index] = await canaryOf(current, uuid);
    });
    const counted = countDevices(current.library).then((found) => (count = found));
    await settled([...answers, counted, pollEvents(current)], patienceMilliseconds);
    return { isOpen: true, count, codes, events: current.reported.splice(0) };
  }

  function read({ uuids, group }: ReadArgument): ReadAnswer[] {
    return uuids.map((uuid) => {
      const device = session?.devices.get(uuid);
      return device?.read(group) ?? { ...closed, column: emptyColumn, changed: false };
    });
  }

  function processes(uuid: string): ProcessesAnswer {
    const device = session?.devices.get(uuid);
    return session && device
      ? readProcesses(session.library, device.handle)
      : { ...closed, processes: [] };
  }

  /** What it finds after the check's patience is told by the next one. */
  async function pollEvents({ events, devices, reported }: Session): Promise<void> {
    const uuidOf = (handle: number): string =>
      [...devices.values()].find((device) => device.handle === handle)?.uuid ?? "";
    reported.push(...((await events?.poll(uuidOf)) ?? []));
  }

  return {
    "nvml.open": (argument) => open(argument as OpenArgument),
    "nvml.release": release,
    "nvml.attach": (index) => attach(index as number),
    "nvml.describe": (uuid) => describe(uuid as string),
    "nvml.test": (uuid) => session?.devices.get(uuid as string)?.test() ?? closed.code,
    "nvml.check": (argument) => check(argument as CheckArgument),
    // Comes back when the GPU's test does: until then the GPU is what is outstanding.
    "nvml.wait": (uuid) => session?.canaries.get(uuid as string) ?? returnCodes.success,
    "nvml.read": (argument) => read(argument as ReadArgument),
    "nvml.processes": (uuid) => processes(uuid as string),
  };
}

function refusal(code: number): OpenAnswer {
  const reason = describeCode(code);
  const isAbsent = code === returnCodes.driverNotLoaded || code === returnCodes.gpuNotFound;
  return { state: isAbsent ? "absent" : "down", reason };
}

async function describeLibrary(library: NvmlLibrary): Promise<OpenAnswer> {
  const bytes = Buffer.alloc(4);
  await library.callAside("nvmlSystemGetCudaDriverVersion_v2", bytes);
  const cuda = bytes.readInt32LE();
  return {
    state: "open",
    path: library.path,
    driverVersion: await readText(library, "nvmlSystemGetDriverVersion"),
    libraryVersion: await readText(library, "nvmlSystemGetNVMLVersion"),
    cudaVersion: cuda > 0 ? `${Math.floor(cuda / 1000)}.${Math.floor((cuda % 1000) / 10)}` : "",
    count: await countDevices(library),
  };
}

async function readText(
  library: NvmlLibrary,
  name: "nvmlSystemGetDriverVersion" | "nvmlSystemGetNVMLVersion",
): Promise<string> {
  const bytes = Buffer.alloc(textBytes);
  const code = await library.callAside(name, bytes, textBytes);
  return code === returnCodes.success ? textIn(bytes) : "";
}

async function countDevices(library: NvmlLibrary): Promise<number> {
  const bytes = Buffer.alloc(4);
  const code = await library.callAside("nvmlDeviceGetCount_v2", bytes);
  return code === returnCodes.success ? bytes.readUInt32LE() : Number.NaN;
}

async function findDevice(
  library: NvmlLibrary,
  index: number,
): Promise<AttachAnswer & { readonly handle: number }> {
  const nobody = { handle: 0, uuid: "", pciBusId: "" };
  const bytes = Buffer.alloc(8);
  const code = await library.callAside("nvmlDeviceGetHandleByIndex_v2", index, bytes);
  if (code !== returnCodes.success) return { ...nobody, code };
  const handle = Number(bytes.readBigUInt64LE());
  const uuid = Buffer.alloc(textBytes);
  const named = await library.callAside("nvmlDeviceGetUUID", handle, uuid, textBytes);
  if (named !== returnCodes.success) return { ...nobody, code: named };
  const place = Buffer.alloc(layouts.pciInfo.bytes);
  const placed = await library.callAside("nvmlDeviceGetPciInfo_v3", handle, place);
  const pciBusId =
    placed === returnCodes.success ? textIn(place.subarray(layouts.pciInfo.at.busId)) : "";
  return { code, handle, uuid: textIn(uuid), pciBusId };
}

/** One cheap call that reaches the GPU. While one is out no second one is made. */
function canaryOf(session: Session, uuid: string): Promise<number> {
  const { library, devices, canaries } = session;
  const under = canaries.get(uuid);
  if (under) return under;
  const device = devices.get(uuid);
  if (!device) return Promise.resolve(returnCodes.notFound);
  const canary = library
    .callAside("nvmlDeviceGetTemperature", device.handle, 0, Buffer.alloc(4))
    .then((code) => (outcomeOf(code) === "absent" ? returnCodes.success : code))
    .finally(() => canaries.delete(uuid));
  canaries.set(uuid, canary);
  return canary;
}

/** Resolves when all have, or after the time. */
function settled(promises: readonly Promise<unknown>[], milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    void Promise.allSettled(promises).then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
