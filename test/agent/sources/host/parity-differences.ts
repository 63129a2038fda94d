/** Where the host sources differ from node_exporter 1.5 on purpose, each with its reason. A difference that no longer shows fails the test. */

export interface Difference {
  readonly reason: string;
  /** Series that only we have, by the start of their names. */
  readonly onlyOurs?: string;
  /** Series that only node_exporter has, by the start of their names. */
  readonly onlyTheirs?: string;
  /** Our type for metrics that node_exporter types otherwise, by the start of their names. */
  readonly typed?: { readonly prefix: string; readonly ours: string; readonly theirs: string };
  /** A label that we have and it doesn't, on the metric of that name. */
  readonly label?: { readonly metric: string; readonly name: string };
  /** True where it shows on a fake host only: the real one can't be pointed elsewhere. */
  readonly fakeHostOnly?: boolean;
}

export const differences: readonly Difference[] = [
  {
    reason:
      "node_exporter gives /proc/vmstat no type for want of a list; every key that it keeps by default counts up from boot",
    typed: { prefix: "node_vmstat_", ours: "counter", theirs: "untyped" },
  },
  {
    reason: "newer releases of node_exporter have the label too; old queries don't miss it",
    label: { metric: "node_disk_info", name: "rotational" },
  },
  {
    reason:
      "the time zone is the process's own setting, in a container never the host's, and no number here depends on it",
    onlyTheirs: "node_time_zone_offset_seconds",
  },
  {
    reason:
      "node_exporter asks its own kernel by uname(2), whatever --path.procfs says; we read /proc/sys/kernel",
    onlyOurs: "node_uname_info",
    onlyTheirs: "node_uname_info",
    fakeHostOnly: true,
  },
];
