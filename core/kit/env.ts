/** The outside world, handed in: paths, time, processes, randomness. Only a `main` makes the real one. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { createSystemClock, type Clock } from "./clock.ts";

/** Where the host's trees are seen from here; node_exporter's `--path.*` flags. */
export interface HostPaths {
  readonly procfs: string;
  readonly sysfs: string;
  readonly rootfs: string;
}

export interface Env {
  readonly paths: HostPaths;
  readonly clock: Clock;
  /** The node's name, the one people know it by. */
  readonly node: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Starts a program without a shell. Never called on a fast sampling path. */
  readonly spawn: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;
  readonly randomId: () => string;
}

export const defaultPaths: HostPaths = { procfs: "/proc", sysfs: "/sys", rootfs: "/" };

export function createEnv(overrides: Partial<Env> = {}): Env {
  return {
    paths: defaultPaths,
    clock: createSystemClock(),
    node: hostname(),
    variables: process.env,
    spawn: (command, args, options) => spawn(command, [...args], { ...options, shell: false }),
    randomId: () => randomUUID(),
    ...overrides,
  };
}
