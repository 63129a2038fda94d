/**
 * Which control groups hold a GPU: those of the processes that somebody names, or, as long as nobody does, those in which
 * a process has a GPU's device file open, found a few milliseconds a round. Truth: /proc/<pid>/fd and /proc/<pid>/cgroup.
 */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../../../core/kit/env.ts";
import { systemCode } from "../../../core/kit/errors.ts";
import type { SourceContext } from "../source.ts";
import { scopeOf } from "../../attribution/cgroup.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import { readFact } from "./kept-file.ts";
import { workInSlices } from "./time-slices.ts";

/** The processes that use GPUs, by whoever knows: a driver that was asked, say. Null: not known. */
export type TellGpuProcesses = (context: SourceContext) => readonly number[] | null;

export interface GpuHolders {
  look(signal: AbortSignal): Promise<void>;
  /** Paths of containers and jobs, in alphabetical order. */
  readonly groups: readonly string[];
  /** Processes of the last turn whose open files may not be looked at. */
  readonly unreadable: number;
}

interface Search {
  look(signal: AbortSignal): Promise<void>;
  holding(): Iterable<string>;
  readonly unreadable: number;
}

/** What programs that compute or render on a GPU have open. */
const deviceFile = /^\/dev\/(nvidia\d+|nvidia-caps\/.+|dri\/renderD\d+|kfd)$/;
/** Of all rounds' time, once in 15 s. */
const roundMilliseconds = 10;
const turnMilliseconds = 60_000;
/** A process that has opened thousands of files opened its GPU before most of them. */
const maximumFilesOfProcess = 512;

export function createGpuHolders(
  context: SourceContext,
  tree: CgroupTree,
  tellProcesses: TellGpuProcesses,
): GpuHolders {
  const { env } = context;
  const search = createSearch(env, tree);
  let groups: readonly string[] = [];
  let unreadable = 0;
  return {
    get groups() {
      return groups;
    },
    get unreadable() {
      return unreadable;
    },
    async look(signal) {
      const told = tellProcesses(context);
      if (told === null) await search.look(signal);
      const found = told === null ? search.holding() : told.map(groupOf);
      groups = [...new Set(found)].filter((path) => path !== "").sort();
      unreadable = told === null ? search.unreadable : 0;
    },
  };

  function groupOf(process: number): string {
    const text = readFact(join(env.paths.procfs, String(process), "cgroup"));
    return scopeOf(tree.pathIn(text)) ?? "";
  }
}

/** Goes through the groups in turn, and in each through its processes until one holds a GPU. */
function createSearch({ clock, paths }: Env, tree: CgroupTree): Search {
  /** By group the link that showed it: while it stays there is nothing to search for. */
  const evidence = new Map<string, string>();
  let waitingGroups: string[] = [];
  let group = "";
  let waitingProcesses: string[] = [];
  let turnBegan = -Infinity;
  let unreadable = 0;
  let unreadableBefore = 0;

  function beginTurn(): void {
    turnBegan = clock.monotonic();
    unreadableBefore = unreadable;
    unreadable = 0;
    waitingGroups = tree.scopes();
    const present = new Set(waitingGroups);
    for (const path of evidence.keys()) if (!present.has(path)) evidence.delete(path);
  }

  /** One process, or the next group; false when the turn is over. */
  function step(): boolean {
    const process = waitingProcesses.pop();
    if (process !== undefined) {
      const found = findDevice(process);
      if (found === null) return true;
      evidence.set(group, found);
      waitingProcesses = [];
      return true;
    }
    const next = waitingGroups.pop();
    if (next === undefined) return false;
    group = next;
    const known = evidence.get(group);
    if (known !== undefined && isDevice(known)) return true;
    evidence.delete(group);
    waitingProcesses = tree.processes(group).toReversed();
    return true;
  }

  function findDevice(process: string): string | null {
    const folder = join(paths.procfs, process, "fd");
    try {
      for (const name of readdirSync(folder).slice(0, maximumFilesOfProcess))
        if (isDevice(join(folder, name))) return join(folder, name);
    } catch (error) {
      if (systemCode(error) === "EACCES" || systemCode(error) === "EPERM") unreadable += 1;
    }
    return null;
  }

  return {
    get unreadable() {
      return Math.max(unreadable, unreadableBefore);
    },
    holding: () => evidence.keys(),
    async look(signal) {
      const isOver = waitingGroups.length === 0 && waitingProcesses.length === 0;
      if (isOver && clock.monotonic() - turnBegan < turnMilliseconds) return;
      if (isOver) beginTurn();
      await workInSlices(clock, roundMilliseconds, signal, step);
    },
  };
}

function isDevice(link: string): boolean {
  try {
    return deviceFile.test(readlinkSync(link));
  } catch {
    return false;
  }
}
