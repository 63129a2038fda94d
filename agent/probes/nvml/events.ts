/** Events that the driver reports of its GPUs, XIDs above all: one set for all of them, asked and never waited on. */
import type { NvmlEvent } from "./messages.ts";
import { layouts } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import { returnCodes } from "./return-codes.ts";

export interface EventSet {
  /** Holds the loop. From now on the GPU's events are reported. */
  watch(handle: number): void;
  /** What happened since, at most {@link maximumEvents}; the rest comes with the next call. One poll at a time. */
  poll(uuidOf: (handle: number) => string): Promise<NvmlEvent[]>;
  close(): void;
}

/** ECC errors, XIDs, MIG changes, storms, retirements, poison, unavailable, recovery action. */
const wantedTypes = 0x1 | 0x2 | 0x8 | 0x100 | 0x200 | 0x400 | 0x800 | 0x4000 | 0x8000;
const maximumEvents = 64;

/** Null where the library has no events. */
export function createEventSet(library: NvmlLibrary): EventSet | null {
  const created = Buffer.alloc(8);
  if (library.call("nvmlEventSetCreate", created) !== returnCodes.success) return null;
  const eventSet = Number(created.readBigUInt64LE());
  const { bytes, at } = layouts.eventData;
  let isOpen = true;
  let polling: Promise<NvmlEvent[]> | null = null;

  async function next(uuidOf: (handle: number) => string): Promise<NvmlEvent | null> {
    const data = Buffer.alloc(bytes);
    const code = await library.callAside("nvmlEventSetWait_v2", eventSet, data, 0);
    if (code !== returnCodes.success) return null;
    return {
      uuid: uuidOf(Number(data.readBigUInt64LE(at.device))),
      type: Number(data.readBigUInt64LE(at.eventType)),
      data: Number(data.readBigUInt64LE(at.eventData)),
    };
  }

  async function collect(uuidOf: (handle: number) => string): Promise<NvmlEvent[]> {
    const found: NvmlEvent[] = [];
    while (found.length < maximumEvents) {
      const event = await next(uuidOf);
      if (!event) break;
      found.push(event);
    }
    return found;
  }

  return {
    watch(handle) {
      const supported = Buffer.alloc(8);
      const code = library.call("nvmlDeviceGetSupportedEventTypes", handle, supported);
      if (code !== returnCodes.success) return;
      const types = Number(supported.readBigUInt64LE()) & wantedTypes;
      // Where that fails nothing is reported of this GPU, and the set stays of use for the others.
      library.call("nvmlDeviceRegisterEvents", handle, types, eventSet);
    },
    poll(uuidOf) {
      polling ??= collect(uuidOf).finally(() => (polling = null));
      return polling;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      // Not under a call that still waits on it.
      void Promise.resolve(polling).finally(() => library.call("nvmlEventSetFree", eventSet));
    },
  };
}
