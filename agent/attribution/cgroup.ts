/**
 * Which control groups are containers and jobs, and whose, by their paths. Truth: how kubelet, containerd, CRI-O, Docker,
 * Podman, Slurm and systemd name theirs, for cgroup v1 and v2, with systemd's driver and without it.
 */

export interface ProcessOwner {
  /** UID of the Kubernetes pod; empty where there is none. */
  readonly podUid: string;
  readonly containerId: string;
  /** Slurm's job number; empty where there is none. */
  readonly slurmJob: string;
  /** Numeric user of a login session or a Slurm job; empty where the path doesn't tell. */
  readonly userId: string;
}

/** A static pod's UID is a digest without dashes; the systemd driver writes dashes as underscores. */
const podPattern = /(?:^|-)pod([\da-f]{8}[-_][\da-f_-]{27}|[\da-f]{32})(?:\.slice)?(?=:|$)/i;
const containerPattern = /(?:^|[:-])([\da-f]{64})(?:\.scope)?$/i;
const jobPattern = /^job_(\d+)$/;
const userPattern = /^(?:uid_(\d+)|user-(\d+)\.slice)$/;
const holdsScopes = /kube|docker|slurm|podman|libpod|crio|containerd|lxc/;

/** The text of /proc/PID/cgroup: `hierarchy:controllers:path` a line. */
export function readOwner(text: string): ProcessOwner {
  let owner: ProcessOwner = { podUid: "", containerId: "", slurmJob: "", userId: "" };
  for (const line of text.split("\n")) {
    const found = readPath(line.split(":").slice(2).join(":"));
    owner = {
      podUid: owner.podUid || found.podUid,
      containerId: owner.containerId || found.containerId,
      slurmJob: owner.slurmJob || found.slurmJob,
      userId: owner.userId || found.userId,
    };
  }
  return owner;
}

/** The part of a path that is a container or a Slurm job as a whole; null where it is inside of neither. */
export function scopeOf(path: string): string | null {
  const parts = path.split("/");
  const end = parts.findIndex((part) => containerPattern.test(part) || jobPattern.test(part));
  return end === -1 ? null : parts.slice(0, end + 1).join("/");
}

/** Where a walk from the root goes down: what holds containers and jobs, not the machine's own services. */
export function mayHoldScopes(path: string): boolean {
  const [, first = "", second] = path.split("/");
  if (holdsScopes.test(first)) return true;
  if (!/^(system|machine)\.slice$/.test(first)) return false;
  return second === undefined || holdsScopes.test(second);
}

function readPath(path: string): ProcessOwner {
  let podUid = "";
  let containerId = "";
  let slurmJob = "";
  let userId = "";
  for (const part of path.split("/")) {
    const pod = podPattern.exec(part)?.[1];
    if (pod !== undefined) {
      podUid = pod.replaceAll("_", "-").toLowerCase();
      // What is above a pod is the container in which a whole node runs.
      containerId = "";
    }
    containerId ||= containerPattern.exec(part)?.[1] ?? "";
    slurmJob ||= jobPattern.exec(part)?.[1] ?? "";
    const user = userPattern.exec(part);
    userId ||= user?.[1] ?? user?.[2] ?? "";
  }
  return { podUid, containerId, slurmJob, userId };
}
