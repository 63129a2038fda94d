/**
 * Whose the processes on the GPUs are. Truth: /proc/PID/cgroup, comm and status, the users' file, and the names of the
 * links that the kubelet keeps in /var/log/containers: `pod_namespace_container-id.log`.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { HostPaths } from "../../core/kit/env.ts";
import type { GpuProcessUse } from "../gpu-directory.ts";
import { readFact } from "../sources/host/kept-file.ts";
import { readOwner, type ProcessOwner } from "./cgroup.ts";

export interface ContainerNames {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface OwnedProcess extends GpuProcessUse, Omit<ProcessOwner, "userId"> {
  readonly command: string;
  /** Name or number. */
  readonly user: string;
  /** Empty where the process is in no pod, or the kubelet's folder doesn't tell. */
  readonly names: ContainerNames;
}

export interface ProcessOwners {
  /** Begins a round: what was read of the processes in the last is forgotten. */
  begin(): void;
  /** Undefined for a process that /proc doesn't show. */
  ownerOf(use: GpuProcessUse): OwnedProcess | undefined;
}

type Facts = Omit<OwnedProcess, keyof GpuProcessUse>;

export const noNames: ContainerNames = { namespace: "", pod: "", container: "" };

/** A kubelet runs some hundred pods, each with some containers and their earlier runs. */
const maximumLogs = 20_000;
const maximumCommandCharacters = 64;

export function createProcessOwners(paths: HostPaths): ProcessOwners {
  const factsByPid = new Map<number, Facts | undefined>();
  let namesByContainer = new Map<string, ContainerNames>();
  let hasListed = false;
  let users: Map<string, string> | undefined;

  function namesOf({ podUid, containerId }: ProcessOwner): ContainerNames {
    if (podUid === "" || containerId === "") return noNames;
    if (!namesByContainer.has(containerId) && !hasListed) {
      namesByContainer = listContainers(join(paths.rootfs, "var/log/containers"));
      hasListed = true;
    }
    return namesByContainer.get(containerId) ?? noNames;
  }

  function userOf(folder: string, owner: ProcessOwner): string {
    const number = /^Uid:\s*(\d+)/m.exec(readFact(join(folder, "status")))?.[1] ?? owner.userId;
    users ??= readUsers(readFact(join(paths.rootfs, "etc/passwd")));
    return users.get(number) ?? number;
  }

  function read(pid: number): Facts | undefined {
    const folder = join(paths.procfs, String(pid));
    const text = readFact(join(folder, "cgroup"));
    if (text === "") return undefined;
    const owner = readOwner(text);
    const { podUid, containerId, slurmJob } = owner;
    const command = readFact(join(folder, "comm")).trim().slice(0, maximumCommandCharacters);
    const user = userOf(folder, owner);
    return { podUid, containerId, slurmJob, command, user, names: namesOf(owner) };
  }

  return {
    begin() {
      factsByPid.clear();
      hasListed = false;
      users = undefined;
    },
    ownerOf(use) {
      if (!factsByPid.has(use.pid)) factsByPid.set(use.pid, read(use.pid));
      const facts = factsByPid.get(use.pid);
      return facts && { ...use, ...facts };
    },
  };
}

/** None where the folder isn't there or may not be listed. */
function listContainers(folder: string): Map<string, ContainerNames> {
  const found = new Map<string, ContainerNames>();
  for (const name of namesIn(folder).slice(0, maximumLogs)) {
    const match = /^([^_]+)_([^_]+)_(.+)-([\da-f]{64})\.log$/.exec(name);
    if (!match) continue;
    const [, pod = "", namespace = "", container = "", id = ""] = match;
    found.set(id, { namespace, pod, container });
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** passwd(5): `name:password:number:…`. Users of a directory service stay numbers. */
function readUsers(text: string): Map<string, string> {
  const users = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [name = "", , number = ""] = line.split(":");
    if (name !== "" && number !== "" && !users.has(number)) users.set(number, name);
  }
  return users;
}
