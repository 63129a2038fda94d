/**
 * Which control groups are containers and jobs, by their paths. Truth: how kubelet, containerd, CRI-O, Docker, Podman and
 * Slurm name theirs, under systemd and without it; agent/attribution/cgroup.ts knows whose they are.
 */

const containerPattern = /(?:^|[:-])[\da-f]{64}(?:\.scope)?$/;
const holdsScopes = /kube|docker|slurm|podman|libpod|crio|containerd|lxc/;
const jobPattern = /^job_\d+$/;

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
