/** One GPU in the probe: its handle, what it is, what is read of it, and its MIG instances. */
import { fieldsFor, linkCountField } from "./fields.ts";
import type { NvmlFunction } from "./functions.ts";
import { createGpm, type GpmPlan } from "./gpm.ts";
import { layouts } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import type { DescribeAnswer, InstanceDescription, ReadAnswer } from "./messages.ts";
import { createPlan, endsRound, testCalls, type Plan } from "./plan.ts";
import { memoryReading, readings, type ReadingGroup } from "./readings.ts";
import { returnCodes } from "./return-codes.ts";

export interface ProbedDevice {
  readonly handle: number;
  readonly uuid: string;
  /** Holds the loop; asks everything once to see what the GPU supports. */
  describe(): DescribeAnswer;
  /** Makes the calls that describing and reading make, each on a thread, and keeps no answer. Returns the first that ends a round. */
  test(): Promise<number>;
  /** Holds the loop. */
  read(group: ReadingGroup): ReadAnswer;
  /** Frees what it holds in the library. */
  close(): void;
}

interface Instance {
  readonly description: InstanceDescription;
  readonly handle: number;
  readonly plans: readonly Plan[];
  readonly gpm: GpmPlan | null;
}

/** Longest answer of nvml.h's text functions. */
const textBytes = 96;
const maximumInstances = 16;
const noPlan: Plan = { keys: [], read: () => returnCodes.success };

export function createDevice(
  library: NvmlLibrary,
  handle: number,
  uuid: string,
  monotonic: () => number,
): ProbedDevice {
  let plans: Record<ReadingGroup, Plan> = { fast: noPlan, steady: noPlan };
  let gpm: GpmPlan | null = null;
  let instances: Instance[] = [];

  function close(): void {
    gpm?.close();
    gpm = null;
    for (const instance of instances) instance.gpm?.close();
    instances = [];
  }

  function fastPlans(): Plan[] {
    return [plans.fast, ...(gpm ? [gpm] : []), ...instances.flatMap((each) => each.plans)];
  }

  return {
    handle,
    uuid,
    describe() {
      close();
      const text = (name: NvmlFunction): string => readText(library, name, handle);
      const bytes = Buffer.alloc(textBytes);
      const code = library.call("nvmlDeviceGetName", handle, bytes, textBytes);
      const fields = fieldsFor(countLinks(library, handle));
      const planOf = (group: ReadingGroup): Plan =>
        createPlan(library, handle, group, readings, fields);
      plans = { fast: planOf("fast"), steady: planOf("steady") };
      gpm = createGpm(library, handle, null, monotonic);
      instances = listInstances(library, handle).map((each) =>
        openInstance(library, handle, each, monotonic),
      );
      return {
        code: endsRound(code) ? code : returnCodes.success,
        name: textIn(bytes),
        serial: text("nvmlDeviceGetSerial"),
        vbiosVersion: text("nvmlDeviceGetVbiosVersion"),
        inforomVersion: text("nvmlDeviceGetInforomImageVersion"),
        partNumber: text("nvmlDeviceGetBoardPartNumber"),
        computeCapability: readCapability(library, handle),
        minor: readWord(library, "nvmlDeviceGetMinorNumber", handle),
        keys: {
          fast: [...plans.fast.keys, ...(gpm?.keys ?? [])],
          steady: plans.steady.keys,
        },
        instances: instances.map(({ description }) => description),
      };
    },
    read(group) {
      const wanted = group === "fast" ? fastPlans() : [plans.steady];
      const column = new Float64Array(wanted.reduce((sum, { keys }) => sum + keys.length, 0));
      column.fill(Number.NaN);
      let position = 0;
      for (const plan of wanted) {
        const code = plan.read(column, position);
        if (endsRound(code)) return { code, column, changed: false };
        position += plan.keys.length;
      }
      return { code: returnCodes.success, column, changed: group === "steady" && isSplitAnew() };
    },
    test: () => testCalls(library, handle, readings, fieldsFor(0)),
    close,
  };

  function isSplitAnew(): boolean {
    const now = listInstances(library, handle).map(({ uuid }) => uuid);
    return now.join() !== instances.map(({ description }) => description.uuid).join();
  }
}

interface FoundInstance {
  readonly handle: number;
  readonly uuid: string;
}

/** None where the GPU isn't split. The handles lie in slots of which some may be empty. */
function listInstances(library: NvmlLibrary, handle: number): FoundInstance[] {
  const [current, pending] = [Buffer.alloc(4), Buffer.alloc(4)];
  const code = library.call("nvmlDeviceGetMigMode", handle, current, pending);
  if (code !== returnCodes.success || current.readUInt32LE() !== 1) return [];
  const slots = readWord(library, "nvmlDeviceGetMaxMigDeviceCount", handle);
  const found: FoundInstance[] = [];
  for (let slot = 0; slot < Math.min(slots, maximumInstances); slot += 1) {
    const bytes = Buffer.alloc(8);
    if (library.call("nvmlDeviceGetMigDeviceHandleByIndex", handle, slot, bytes) !== 0) continue;
    const instance = Number(bytes.readBigUInt64LE());
    found.push({ handle: instance, uuid: readText(library, "nvmlDeviceGetUUID", instance) });
  }
  return found;
}

function openInstance(
  library: NvmlLibrary,
  gpu: number,
  { handle, uuid }: FoundInstance,
  monotonic: () => number,
): Instance {
  const gpuInstance = readWord(library, "nvmlDeviceGetGpuInstanceId", handle);
  const plan = createPlan(library, handle, "fast", [memoryReading], []);
  const gpm = createGpm(library, gpu, gpuInstance, monotonic);
  const plans = gpm ? [plan, gpm] : [plan];
  const description = {
    uuid,
    gpuInstance,
    computeInstance: readWord(library, "nvmlDeviceGetComputeInstanceId", handle),
    profile: readProfile(library, handle),
    keys: plans.flatMap(({ keys }) => keys),
  };
  return { description, handle, plans, gpm };
}

/** The driver names an instance `NVIDIA H100 80GB HBM3 MIG 1g.10gb`; else it is put together from its size. */
function readProfile(library: NvmlLibrary, handle: number): string {
  const named = /\bMIG (\S+)$/.exec(readText(library, "nvmlDeviceGetName", handle))?.[1];
  if (named !== undefined) return named;
  const { bytes, at } = layouts.attributes;
  const attributes = Buffer.alloc(bytes);
  if (library.call("nvmlDeviceGetAttributes_v2", handle, attributes) !== 0) return "";
  const slices = attributes.readUInt32LE(at.gpuInstanceSliceCount);
  const gigabytes = Math.ceil(Number(attributes.readBigUInt64LE(at.memorySizeMB)) / 1024);
  return `${slices}g.${gigabytes}gb`;
}

function countLinks(library: NvmlLibrary, handle: number): number {
  const column = Float64Array.of(0);
  createPlan(library, handle, "steady", [], [linkCountField]).read(column, 0);
  return column[0] ?? 0;
}

function readCapability(library: NvmlLibrary, handle: number): string {
  const [major, minor] = [Buffer.alloc(4), Buffer.alloc(4)];
  const code = library.call("nvmlDeviceGetCudaComputeCapability", handle, major, minor);
  return code === returnCodes.success ? `${major.readInt32LE()}.${minor.readInt32LE()}` : "";
}

/** -1 where the driver doesn't say. */
function readWord(library: NvmlLibrary, name: NvmlFunction, handle: number): number {
  const bytes = Buffer.alloc(4);
  return library.call(name, handle, bytes) === returnCodes.success ? bytes.readUInt32LE() : -1;
}

/** Empty where the driver doesn't say. */
function readText(library: NvmlLibrary, name: NvmlFunction, handle: number): string {
  const bytes = Buffer.alloc(textBytes);
  return library.call(name, handle, bytes, textBytes) === returnCodes.success ? textIn(bytes) : "";
}

export function textIn(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
}
