/** Processes that hold a GPU, as its driver lists them. */
import type { NvmlFunction } from "./functions.ts";
import { layouts } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import type { GpuProcess, ProcessesAnswer } from "./messages.ts";
import { endsRound } from "./plan.ts";
import { outcomeOf, returnCodes } from "./return-codes.ts";

const lists = {
  compute: "nvmlDeviceGetComputeRunningProcesses_v3",
  graphics: "nvmlDeviceGetGraphicsRunningProcesses_v3",
  mps: "nvmlDeviceGetMPSComputeRunningProcesses_v3",
} as const satisfies Record<GpuProcess["kind"], NvmlFunction>;

const maximumProcesses = 512;
const noInstance = 0xffffffff;

/** Holds the loop. */
export function readProcesses(library: NvmlLibrary, handle: number): ProcessesAnswer {
  const processes: GpuProcess[] = [];
  const utilizations = readUtilizations(library, handle);
  for (const kind of ["compute", "graphics", "mps"] as const) {
    const { code, bytes, count } = list(library, lists[kind], handle, layouts.processInfo.bytes);
    if (endsRound(code) || outcomeOf(code) === "permission") return { code, processes: [] };
    for (let index = 0; index < count; index += 1)
      processes.push(processIn(bytes, index * layouts.processInfo.bytes, kind, utilizations));
  }
  return { code: returnCodes.success, processes };
}

type Utilization = Pick<
  GpuProcess,
  "smUtilization" | "memoryUtilization" | "encoderUtilization" | "decoderUtilization"
>;

const unknownUtilization: Utilization = {
  smUtilization: Number.NaN,
  memoryUtilization: Number.NaN,
  encoderUtilization: Number.NaN,
  decoderUtilization: Number.NaN,
};

function processIn(
  bytes: Buffer,
  start: number,
  kind: GpuProcess["kind"],
  utilizations: ReadonlyMap<number, Utilization>,
): GpuProcess {
  const { at } = layouts.processInfo;
  const pid = bytes.readUInt32LE(start + at.pid);
  const memory = bytes.readBigUInt64LE(start + at.usedGpuMemory);
  const instance = bytes.readUInt32LE(start + at.gpuInstanceId);
  return {
    pid,
    kind,
    // All ones: the driver doesn't say.
    memoryBytes: memory === 0xffffffffffffffffn ? Number.NaN : Number(memory),
    gpuInstance: instance === noInstance ? -1 : instance,
    ...(utilizations.get(pid) ?? unknownUtilization),
  };
}

/** The last sample of each process; none where the GPU is split. */
function readUtilizations(library: NvmlLibrary, handle: number): Map<number, Utilization> {
  const { bytes: stride, at } = layouts.processUtilization;
  const found = new Map<number, Utilization>();
  const { bytes, count } = list(library, "nvmlDeviceGetProcessUtilization", handle, stride, 0);
  for (let start = 0; start < count * stride; start += stride)
    found.set(bytes.readUInt32LE(start + at.pid), {
      smUtilization: bytes.readUInt32LE(start + at.smUtil),
      memoryUtilization: bytes.readUInt32LE(start + at.memUtil),
      encoderUtilization: bytes.readUInt32LE(start + at.encUtil),
      decoderUtilization: bytes.readUInt32LE(start + at.decUtil),
    });
  return found;
}

/** A list whose length the driver tells when there's too little room for it: room is made once, with some to spare. */
function list(
  library: NvmlLibrary,
  name: NvmlFunction,
  handle: number,
  stride: number,
  ...since: readonly number[]
): { readonly code: number; readonly bytes: Buffer; readonly count: number } {
  const counted = Buffer.alloc(4);
  let bytes = Buffer.alloc(0);
  let code = returnCodes.insufficientSize as number;
  for (let attempt = 0; attempt < 3 && code === returnCodes.insufficientSize; attempt += 1) {
    const room = Math.min(attempt === 0 ? 16 : counted.readUInt32LE() * 2 + 5, maximumProcesses);
    // Some drivers of 2023 write 32 bytes each where 24 are documented.
    bytes = Buffer.alloc(room * (stride + 8));
    counted.writeUInt32LE(room, 0);
    const order = name === "nvmlDeviceGetProcessUtilization" ? [bytes, counted] : [counted, bytes];
    code = library.call(name, handle, ...order, ...since);
  }
  return { code, bytes, count: code === returnCodes.success ? counted.readUInt32LE() : 0 };
}
