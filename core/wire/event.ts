/** Events: things that happened once, in order, with text; what a column of numbers cannot carry. */

export const eventKinds = [
  "xid",
  "sxid",
  "gpu_lost",
  "machine_check",
  "memory_error",
  "out_of_memory_kill",
  "link_change",
  "pcie_error",
  "thermal",
  "source_state",
  "gpu_driver",
  "hung_task",
  "kernel_fault",
  "drive_error",
  "filesystem_error",
  "network_device",
] as const;
export type EventKind = (typeof eventKinds)[number];

export interface WarpwatchEvent {
  /** The node it happened on. */
  readonly node: string;
  /** Changes when the agent starts; with `sequence` it names the event for ever. */
  readonly boot: string;
  /** Rises by one per event of a boot; a hole means that many were dropped. */
  readonly sequence: number;
  /** Unix time in milliseconds at which it happened, not at which it was read. */
  readonly timeMilliseconds: number;
  readonly kind: EventKind;
  /** Device id (a GPU's UUID) or an empty string when it concerns the node. */
  readonly device: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What a source says of an event; the agent adds node, boot and sequence. */
export type EventReport = Pick<
  WarpwatchEvent,
  "timeMilliseconds" | "kind" | "device" | "text" | "fields"
>;

export interface EventSink {
  report(event: EventReport): void;
}
