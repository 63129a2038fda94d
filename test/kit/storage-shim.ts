/** The library that stands between a program and its files (test/standins/storage), built and set up as an environment. */
import { buildStandIn } from "../standins/build.ts";

export interface StorageShim {
  /** What lies outside of it is left alone. */
  readonly folder: string;
  readonly clockOffsetMilliseconds?: number;
  readonly kill?: KillPoint;
  /** File to which every operation is appended; nothing is really synced meanwhile. */
  readonly record?: string;
  /** A planted defect: syncs of paths with one of these in them do nothing. */
  readonly skipSync?: readonly string[];
}

/** The process dies at this many-th operation of those that fit; an empty list holds all. */
export interface KillPoint {
  readonly at: number;
  readonly operations: readonly StorageOperation[];
  readonly paths: readonly string[];
  readonly when: "before" | "after" | "torn";
  /** Whether the collector dies with a child of it that gets there, or the child alone. */
  readonly all: boolean;
}

type StorageOperation =
  | "open"
  | "write"
  | "truncate"
  | "sync"
  | "rename"
  | "link"
  | "unlink"
  | "mkdir";

export function storageEnvironment(shim: StorageShim): Record<string, string> {
  const { folder, kill, record, skipSync } = shim;
  const environment: Record<string, string> = {
    LD_PRELOAD: buildStandIn("storage", "libstorage.so"),
    STORAGE_FOLDER: folder,
    STORAGE_CLOCK_OFFSET: String(Math.round(shim.clockOffsetMilliseconds ?? 0)),
  };
  if (record !== undefined) environment["STORAGE_RECORD"] = record;
  if (skipSync !== undefined) environment["STORAGE_SKIP_SYNC"] = skipSync.join(",");
  if (kill)
    Object.assign(environment, {
      STORAGE_KILL_AT: String(kill.at),
      STORAGE_KILL_OPERATIONS: kill.operations.join(","),
      STORAGE_KILL_PATHS: kill.paths.join(","),
      STORAGE_KILL_WHEN: kill.all ? `${kill.when} all` : kill.when,
    });
  return environment;
}
