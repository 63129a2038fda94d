/** What the agent and its probe say about NVML: the calls' arguments and answers. */
import type { ReadingGroup } from "./readings.ts";

export interface OpenArgument {
  /** Empty: the loader looks for it. */
  readonly library: string;
  /** Folders beside the root in which a driver may live. */
  readonly driverRoots: readonly string[];
}

/** Absent: there is no library or no driver. Down: there is one that can't be opened. */
export type OpenAnswer =
  | { readonly state: "absent"; readonly reason: string }
  | { readonly state: "down"; readonly reason: string }
  | {
      readonly state: "open";
      readonly path: string;
      readonly driverVersion: string;
      readonly libraryVersion: string;
      /** 13.1 */
      readonly cudaVersion: string;
      readonly count: number;
    };

/** The code says how it went; the rest is empty unless it is 0. */
export interface AttachAnswer {
  readonly code: number;
  readonly uuid: string;
  readonly pciBusId: string;
}

export interface DescribeAnswer {
  readonly code: number;
  readonly name: string;
  readonly serial: string;
  readonly vbiosVersion: string;
  readonly inforomVersion: string;
  readonly partNumber: string;
  /** 9.0 */
  readonly computeCapability: string;
  readonly minor: number;
  /** What stands where in the column that `nvml.read` answers; the instances' keys follow the GPU's. */
  readonly keys: Readonly<Record<ReadingGroup, readonly string[]>>;
  readonly instances: readonly InstanceDescription[];
}

/** A MIG instance. */
export interface InstanceDescription {
  readonly uuid: string;
  readonly gpuInstance: number;
  readonly computeInstance: number;
  /** 1g.10gb */
  readonly profile: string;
  readonly keys: readonly string[];
}

export interface CheckArgument {
  readonly uuids: readonly string[];
  /** GPUs that haven't answered after this long are reported as silent. */
  readonly patienceMilliseconds: number;
}

export interface CheckAnswer {
  /** False in a new probe, and after a release. */
  readonly isOpen: boolean;
  /** How many GPUs the driver lists now; NaN when it doesn't say. */
  readonly count: number;
  /** In the order that was asked: 0, what went wrong, or {@link silent}. */
  readonly codes: Int32Array;
  /** Since the last check. */
  readonly events: readonly NvmlEvent[];
}

/** In place of a code: the GPU hasn't answered. */
export const silent = -1;

export interface ReadArgument {
  readonly uuids: readonly string[];
  readonly group: ReadingGroup;
}

export interface ReadAnswer {
  readonly code: number;
  readonly column: Float64Array;
  /** Its MIG instances are no longer those that were described. */
  readonly changed: boolean;
}

export interface NvmlEvent {
  readonly uuid: string;
  /** `nvmlEventType*`: 8 is an XID. */
  readonly type: number;
  readonly data: number;
}

export interface ProcessesAnswer {
  readonly code: number;
  readonly processes: readonly GpuProcess[];
}

export interface GpuProcess {
  /** As the host numbers it. */
  readonly pid: number;
  readonly kind: "compute" | "graphics" | "mps";
  /** NaN where the driver doesn't say. */
  readonly memoryBytes: number;
  /** -1 outside MIG. */
  readonly gpuInstance: number;
  /** Percent; NaN where the driver doesn't say. */
  readonly smUtilization: number;
  readonly memoryUtilization: number;
  readonly encoderUtilization: number;
  readonly decoderUtilization: number;
}
