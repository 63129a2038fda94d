/** Whose process it is, by its cgroup: the paths that systemd, the kubelet's drivers, Docker and Slurm give, for cgroup v1 and v2. */

export interface ProcessOwner {
  /** UID of the Kubernetes pod; empty where there is none. */
  readonly podUid: string;
  readonly containerId: string;
  /** Slurm's job number; empty where there is none. */
  readonly slurmJob: string;
  /** Numeric user of a login session or a Slurm job; empty where the path doesn't tell. */
  readonly userId: string;
}

/** The text of /proc/PID/cgroup: `hierarchy:controllers:path` a line. */
export function readOwner(text: string): ProcessOwner {
  let owner: ProcessOwner = { podUid: "", containerId: "", slurmJob: "", userId: "" };
  for (const line of text.split("\n")) {
    const path = line.split(":").slice(2).join(":");
    if (path === "" || path === "/") continue;
    const found = readPath(path);
    owner = {
      podUid: owner.podUid || found.podUid,
      containerId: owner.containerId || found.containerId,
      slurmJob: owner.slurmJob || found.slurmJob,
      userId: owner.userId || found.userId,
    };
  }
  return owner;
}

function readPath(path: string): ProcessOwner {
  // The systemd driver writes the UID's dashes as underscores.
  const podUid =
    /pod([0-9a-f]{8}[-_][0-9a-f_-]{27}|[0-9a-f]{32})(?:\.slice)?(?:\/|$)/i.exec(path)?.[1] ?? "";
  const containerId = /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:\/|$)/i.exec(path)?.[1] ?? "";
  const slurmJob = /(?:\/slurm[^/]*)?\/(?:uid_\d+\/)?job_(\d+)(?:\/|$)/.exec(path)?.[1] ?? "";
  const userId = /\/uid_(\d+)\//.exec(path)?.[1] ?? /\/user-(\d+)\.slice/.exec(path)?.[1] ?? "";
  return { podUid: podUid.replaceAll("_", "-"), containerId, slurmJob, userId };
}
