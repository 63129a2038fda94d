/** The contract of a source: it reads declared metrics from one place, and knows nothing of time-outs, names or serving. */
import type { Device } from "../../core/catalog/device.ts";
import type { Metric, MetricFamily, SamplingClass } from "../../core/catalog/metric.ts";
import type { EventSink } from "../../core/wire/event.ts";
import type { SlotRegistrar } from "../../core/wire/slots.ts";
import type { Env } from "../../core/kit/env.ts";
import type { Log } from "../../core/kit/log.ts";
import type { Holders } from "../attribution/holders.ts";
import type { GpuDirectory } from "../gpu-directory.ts";
import type { Probes } from "../probes/probe.ts";

export interface SourceContext {
  readonly env: Env;
  readonly log: Log;
  readonly events: EventSink;
  /** The node as a device: the place its other devices inherit. */
  readonly host: Device;
  /** GPU sources tell it what they found; those that hear of a GPU by its PCI address ask it. */
  readonly gpus: GpuDirectory;
  /** Who holds which GPU, as the kubelet and the job folder say. */
  readonly holders: Holders;
  /** Where a source keeps what has to survive a restart; empty where nothing is kept. */
  readonly stateFolder: string;
  /** For every call that may not come back. */
  readonly probes: Probes;
}

export interface Source {
  /** Unique, lower case: the `source` label, the flag and the file are named for it. */
  readonly name: string;
  /** Every metric it can emit; all of its sampling class. */
  readonly metrics: readonly (Metric | MetricFamily)[];
  readonly sampling: SamplingClass;
  /**
   * Looks whether the place exists on this machine.
   * Returns {@link absent} with a reason when this machine has none; throws when it has one that can't be read (down).
   * Called again from time to time after either.
   */
  open(context: SourceContext, signal: AbortSignal): Promise<Reader | Absent> | Reader | Absent;
  /** Lets go of every device it holds open, within two seconds, and for a while; false where it held none. */
  release?(): Promise<boolean>;
}

export interface Reader {
  /** Declares every series there is now; called on an empty registrar before the first read and after a read said "changed". */
  register(slots: SlotRegistrar): void;
  /**
   * Writes this moment's samples into the slots. The column comes filled with NaN, and what is left NaN is absent.
   * Returns "changed" when the devices are no longer those it registered: it is registered anew and read once more.
   * Throws when this round failed: the source is down until the next, and none of its values are repeated.
   * Anything that may block is asynchronous and gives up when the signal aborts.
   */
  read(column: Float64Array, signal: AbortSignal): ReadResult | Promise<ReadResult>;
  close(): void;
}

export type ReadResult = "changed" | void;

/** This machine has none of it, and why: a third outcome beside up and down. */
export interface Absent {
  readonly absent: string;
}

export function absent(reason: string): Absent {
  return { absent: reason };
}
