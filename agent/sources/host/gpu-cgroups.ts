/** Processors, memory, I/O and pressure of the containers and jobs that hold GPUs, from the files of their control groups under /sys/fs/cgroup. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as cgroup from "../../../core/catalog/cgroup.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import type { Log } from "../../../core/kit/log.ts";
import { readOwner } from "../../attribution/cgroup.ts";
import { absent, type Source } from "../source.ts";
import { cgroupFiles, type CgroupFile } from "./cgroup-files.ts";
import { openCgroupTree, type CgroupTree } from "./cgroup-tree.ts";
import { createGpuHolders, type GpuHolders, type TellGpuProcesses } from "./gpu-holders.ts";
import { missing } from "./missing.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";
import { createValueFiles, type ValueFile } from "./value-file.ts";

/** A node with 16 GPUs in seven slices each would have more; nearly all have one container for each of eight. */
const maximumGroups = 64;

interface OpenGroup {
  readonly path: string;
  readonly files: readonly { readonly file: ValueFile; readonly tell: CgroupFile["tell"] }[];
}

/** `tellProcesses` is asked in each round; while it answers null, open files show who holds a GPU. */
export function createGpuCgroupSource(tellProcesses: TellGpuProcesses = () => null): Source {
  return {
    name: "gpu_cgroups",
    metrics: Object.values(cgroup),
    sampling: "steady",
    open(context) {
      const { env, log } = context;
      if (!hasGpuDriver(env.paths))
        return absent(
          "no GPU driver is loaded: /proc/driver/nvidia, /sys/class/kfd and render nodes in /sys/class/drm are missing",
        );
      const tree = openCgroupTree(env.paths.sysfs);
      if (!tree) return absent(missing("gpu_cgroups", env.paths, `${env.paths.sysfs}/fs/cgroup`));
      if (tree.scopes().length === 0)
        return absent(
          "no control group is that of a pod, a container or a Slurm job: none runs here, or the host's /sys isn't mounted where --path.sysfs says",
        );
      const holders = createGpuHolders(context, tree, tellProcesses);
      const groups = createOpenGroups(tree);
      const warnWhenBlind = createWarning(log, holders);
      const reader = createSampleReader((add) => {
        add(cgroup.leftOut, {}, Math.max(0, holders.groups.length - maximumGroups));
        add(cgroup.processesUnreadable, {}, holders.unreadable);
        for (const group of groups.current()) tellGroup(group, add);
      });
      return {
        register: (slots) => reader.register(slots),
        async read(column, signal) {
          await holders.look(signal);
          warnWhenBlind();
          groups.use(holders.groups.slice(0, maximumGroups));
          return reader.read(column, signal);
        },
        close: () => groups.use([]),
      };
    },
  };
}

/** NVIDIA's and AMD's, and whatever else offers a render node. */
function hasGpuDriver({ procfs, sysfs }: HostPaths): boolean {
  if (existsSync(join(procfs, "driver/nvidia")) || existsSync(join(sysfs, "class/kfd")))
    return true;
  try {
    return readdirSync(join(sysfs, "class/drm")).some((name) => name.startsWith("renderD"));
  } catch {
    return false;
  }
}

/** Says once that nothing can be found, and what it takes. */
function createWarning(log: Log, holders: GpuHolders): () => void {
  let warned = false;
  return () => {
    if (warned || holders.unreadable === 0 || holders.groups.length > 0) return;
    warned = true;
    log.warn("which pods hold GPUs isn't known: other processes' open files may not be looked at", {
      source: "gpu_cgroups",
      processes: holders.unreadable,
      needs: "CAP_SYS_PTRACE and the host's process namespace",
    });
  };
}

function tellGroup({ path, files }: OpenGroup, add: AddSample): void {
  const { podUid, containerId, slurmJob } = readOwner(`0::${path}`);
  const owner = { pod_uid: podUid, container_id: containerId, job_id: slurmJob };
  add(cgroup.info, { cgroup: path, ...owner }, 1);
  for (const { file, tell } of files) {
    const text = file.readText();
    // Of a file that can't be read any more the series stay and have no samples.
    tell(text ?? "", (metric, value) =>
      add(metric, { cgroup: path }, text === null ? Number.NaN : value),
    );
  }
}

/** Keeps the files of the groups open that are told of. */
function createOpenGroups(tree: CgroupTree): {
  use(paths: readonly string[]): void;
  current(): readonly OpenGroup[];
} {
  const openFile = createValueFiles();
  let groups: readonly OpenGroup[] = [];

  function open(path: string): OpenGroup {
    const files = cgroupFiles[tree.version].map(({ controller, name, tell }) => ({
      file: openFile(tree.file(controller, path, name)),
      tell,
    }));
    // A controller that isn't enabled for the group has no files there.
    return { path, files: files.filter(({ file }) => file.opens()) };
  }

  return {
    current: () => groups,
    use(paths) {
      const before = new Map(groups.map((group) => [group.path, group]));
      groups = paths.map((path) => before.get(path) ?? open(path));
      const used = new Set(groups);
      for (const group of before.values())
        if (!used.has(group)) for (const { file } of group.files) file.close();
    },
  };
}
