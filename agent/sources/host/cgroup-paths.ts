/**
 * What the path of a control group tells of whose it is. Truth: how kubelet, containerd, CRI-O, Docker, Podman and Slurm
 * name theirs, under systemd and without it.
 */

export interface CgroupOwner {
  readonly podUid: string;
  readonly containerId: string;
  readonly jobId: string;
}

const containerPattern = /^(?:[a-z][a-z-]*[:-])*([\da-f]{64})(?:\.scope)?$/;
/** systemd wants underscores where the identifier has dashes. */
const podPattern =
  /pod([\da-f]{8}[-_][\da-f]{4}[-_][\da-f]{4}[-_][\da-f]{4}[-_][\da-f]{12}|[\da-f]{32})(?:\.slice)?$/;
const jobPattern = /^job_(\d+)$/;

/** The part of a path that is a container or a Slurm job as a whole; null where it is inside of neither. */
export function scopeOf(path: string): string | null {
  const parts = path.split("/");
  const end = parts.findIndex((part) => containerPattern.test(part) || jobPattern.test(part));
  return end === -1 ? null : parts.slice(0, end + 1).join("/");
}

export function ownerOf(path: string): CgroupOwner {
  const parts = path.split("/");
  const find = (pattern: RegExp): string =>
    parts.map((part) => pattern.exec(part)?.[1]).findLast((found) => found !== undefined) ?? "";
  return {
    podUid: find(podPattern).replaceAll("_", "-"),
    containerId: find(containerPattern),
    jobId: find(jobPattern),
  };
}

/** Where a walk from the root goes down: what holds containers and jobs, not the machine's own services. */
export function mayHoldScopes(path: string): boolean {
  const [, first = "", second] = path.split("/");
  if (/kube|docker|slurm|podman|libpod|crio|containerd|lxc/.test(first)) return true;
  if (!/^(system|machine)\.slice$/.test(first)) return false;
  return second === undefined || /kube|docker|slurm|podman|libpod|crio|containerd|lxc/.test(second);
}
