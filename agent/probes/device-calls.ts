/**
 * ioctl(2) and poll(2) on device files through koffi, each in a thread of its own, as their manual pages have them.
 * What the kernel writes into is memory outside the heap, which isn't given back before the call has come back.
 */
import { open, type FileHandle } from "node:fs/promises";

export interface DeviceCalls {
  /** What the call returned when that isn't negative; throws with the system's name for the error (`ENODEV`). */
  ioctl(descriptor: number, request: number, argument: bigint): Promise<number>;
  /** Whether there is something to read within the time. */
  readable(descriptor: number, timeoutMilliseconds: number): Promise<boolean>;
  withMemory<Result>(
    bytes: number,
    use: (memory: DeviceMemory) => Promise<Result>,
  ): Promise<Result>;
}

/** Zeros at first. */
export interface DeviceMemory {
  readonly address: bigint;
  readonly view: DataView;
}

/** `struct pollfd`: descriptor:32, events:16, what came:16. */
const pollBytes = 8;
const readableEvent = 1;

/** By library: one outside of tests. */
const loaded = new Map<string | null, Promise<DeviceCalls>>();

/** `library` has both functions; null is the C library that this process runs on. */
export function loadDeviceCalls(library: string | null): Promise<DeviceCalls> {
  const known = loaded.get(library) ?? bind(library);
  loaded.set(library, known);
  return known;
}

async function bind(library: string | null): Promise<DeviceCalls> {
  const { default: koffi } = await import("koffi");
  const functions = koffi.load(library);
  const ioctl = functions.func("int ioctl(int descriptor, unsigned long request, void *argument)");
  const poll = functions.func("int poll(void *list, unsigned long count, int timeout)");

  function call(name: string, make: (done: Callback) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      make((error, result) => {
        if (error !== null) reject(error);
        else if (result < 0) reject(failure(name, koffi.errno(), koffi.os.errno));
        else resolve(result);
      });
    });
  }

  const calls: DeviceCalls = {
    ioctl: (descriptor, request, argument) =>
      call("ioctl", (done) => ioctl.async(descriptor, request, argument, done)),
    readable: (descriptor, timeoutMilliseconds) =>
      calls.withMemory(pollBytes, async ({ address, view }) => {
        view.setInt32(0, descriptor, true);
        view.setInt16(4, readableEvent, true);
        const ready = await call("poll", (done) =>
          poll.async(address, 1, timeoutMilliseconds, done),
        );
        return ready > 0;
      }),
    async withMemory(bytes, use) {
      const address = koffi.alloc("uint8_t", bytes) as bigint;
      const view = new DataView(koffi.view(address, bytes));
      new Uint8Array(view.buffer).fill(0);
      try {
        return await use({ address, view });
      } finally {
        koffi.free(address);
      }
    },
  };
  return calls;
}

type Callback = (error: Error | null, result: number) => void;

/** Opens a device for one use of it; the sentence of a failure names it. */
export async function withDevice<Result>(
  path: string,
  flags: string,
  use: (descriptor: number) => Promise<Result>,
): Promise<Result> {
  const handle: FileHandle = await open(path, flags);
  try {
    return await use(handle.fd);
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : "failed"}`, { cause });
  } finally {
    await handle.close();
  }
}

function failure(name: string, number: number, codes: Readonly<Record<string, number>>): Error {
  const [code = `error ${number}`] = Object.entries(codes).find(([, own]) => own === number) ?? [];
  return new Error(`${name}: ${code}`);
}
