/** A reader of a service on the system bus. */
import { join } from "node:path";
import type { Env } from "../../../core/kit/env.ts";
import { findSystemBus, hasOwner, type Bus } from "../../dbus/bus.ts";
import { keepBus } from "../../dbus/kept-bus.ts";
import { absent, type Absent, type Reader } from "../source.ts";
import { openSnapshotReader, type Snapshot } from "./snapshot-reader.ts";

export interface BusReaderOptions {
  /** The service's name on the bus. */
  readonly name: string;
  /** Why it may not be there. */
  readonly missing: string;
  /** Why it may have nothing to tell. */
  readonly nothing?: string;
  readonly ask: (bus: Bus, signal: AbortSignal) => Promise<Snapshot>;
}

/** Throws CALL_FAILED where there is a bus that doesn't answer. */
export async function openBusReader(
  env: Env,
  { name, missing, nothing = missing, ask }: BusReaderOptions,
  signal: AbortSignal,
): Promise<Reader | Absent> {
  const socketPath = findSystemBus(env);
  if (socketPath === null)
    return absent(`no system bus is at ${join(env.paths.rootfs, "run/dbus/system_bus_socket")}`);
  const kept = keepBus(socketPath);
  if (!(await kept.use((bus) => hasOwner(bus, name, signal), signal))) {
    kept.close();
    return absent(`${name} isn't on the system bus: ${missing}`);
  }
  return openSnapshotReader(
    {
      ask: (askSignal) => kept.use((bus) => ask(bus, askSignal), askSignal),
      absent: nothing,
      close: () => kept.close(),
    },
    signal,
  );
}
