/** The tree of control groups under /sys/fs/cgroup: version 2, or version 1 with a folder per controller; by the kernel's admin-guide/cgroup-v1 and cgroup-v2. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { mayHoldScopes, scopeOf } from "../../attribution/cgroup.ts";
import { readFact } from "./kept-file.ts";

export interface CgroupTree {
  readonly version: 1 | 2;
  /** Containers and jobs, by their paths from the root. */
  scopes(): string[];
  /** The numbers of all processes in it and below it. */
  processes(path: string): string[];
  /** Where a file of a group is; version 1 asks for the controller. */
  file(controller: string, path: string, name: string): string;
  /** The path in the text of /proc/<pid>/cgroup. */
  pathIn(text: string): string;
}

/** Bounds of one walk: a node runs 250 pods by default, and few have more than some groups inside. */
const maximumFolders = 5000;
const maximumDepth = 12;

/** Null where there is none, or what is mounted there isn't one. */
export function openCgroupTree(sysfs: string): CgroupTree | null {
  const root = join(sysfs, "fs/cgroup");
  if (existsSync(join(root, "cgroup.controllers")))
    return createTree(2, root, (_controller, path, name) => join(root, path, name), /^0::(\/.*)$/m);
  // Memory has a group for whatever is limited or accounted; the other controllers may share theirs.
  if (!existsSync(join(root, "memory/cgroup.procs"))) return null;
  return createTree(
    1,
    join(root, "memory"),
    (controller, path, name) => join(root, controller, path, name),
    /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m,
  );
}

function createTree(
  version: 1 | 2,
  root: string,
  file: CgroupTree["file"],
  linePattern: RegExp,
): CgroupTree {
  /** Calls back with every group below, the parents first; what `enter` declines isn't gone down into. */
  function walk(from: string, enter: (path: string) => boolean): void {
    const waiting = [{ path: from, depth: 0 }];
    for (let count = 0; count < maximumFolders; count += 1) {
      const next = waiting.pop();
      if (!next) return;
      for (const name of foldersIn(join(root, next.path))) {
        const path = `${next.path}/${name}`;
        if (enter(path) && next.depth < maximumDepth) waiting.push({ path, depth: next.depth + 1 });
      }
    }
  }

  return {
    version,
    scopes() {
      const found: string[] = [];
      walk("", (path) => {
        const isScope = scopeOf(path) !== null;
        if (isScope) found.push(path);
        return !isScope && mayHoldScopes(path);
      });
      return found;
    },
    processes(path) {
      const groups = [path];
      walk(path, (below) => groups.push(below) > 0);
      return groups.flatMap((group) =>
        readFact(join(root, group, "cgroup.procs"))
          .split("\n")
          .filter((process) => process !== "" && process !== "0"),
      );
    },
    file,
    pathIn: (text) => linePattern.exec(text)?.[1] ?? "",
  };
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
