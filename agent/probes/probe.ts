/**
 * The contract of a probe: a child process that makes the calls which may never return, so that the agent's loop makes none.
 * There are two, each started when something first asks it: `gpu` (NVML, GPM, DCGM) and `slow-kernel` (mounts, drivers, ioctl).
 */

export const probeNames = ["gpu", "slow-kernel"] as const;

export type ProbeName = (typeof probeNames)[number];

/** What a call is asked with and answers: structured-clone values; columns of numbers go as Float64Array. */
export type ProbeValue = unknown;

export interface Probe {
  readonly name: ProbeName;
  /**
   * Makes one call in the child and resolves with its answer.
   * `key` says what might hang (a device, a mount): one call may be outstanding per key, whatever the call.
   * Throws PROBE_BUSY at once where one is; PROBE_TIMEOUT when no answer came in time (it stays outstanding until it
   * comes, or the child is abandoned); PROBE_FAILED with the child's sentence when the call failed or the child ended.
   */
  ask(
    call: string,
    key: string,
    argument: ProbeValue,
    timeoutMilliseconds: number,
  ): Promise<ProbeValue>;
  /** Outstanding calls: their key, and how long each has been under way. */
  inFlight(): readonly { readonly key: string; readonly seconds: number }[];
}

/** What the agent hands to its sources; asking for one starts nothing yet. */
export interface Probes {
  readonly gpu: Probe;
  readonly slowKernel: Probe;
  readonly counts: (name: ProbeName) => ProbeCounts;
}

/** How often a probe's process was given up on, and how often one was started anew. */
export interface ProbeCounts {
  readonly abandoned: number;
  readonly restarts: number;
}
