/** Where the host sources differ from node_exporter 1.5 on purpose, each with its reason. A difference that no longer shows fails the test. */

export interface Difference {
  readonly reason: string;
  /** Series that only we have, by the start of their names. */
  readonly onlyOurs?: string;
  /** Series that only we have where a host has what they are about; no host has all of them. */
  readonly sometimesOurs?: RegExp;
  /** Series that only node_exporter has, by the start of their names. */
  readonly onlyTheirs?: string;
  /** Series that only node_exporter has on some hosts. */
  readonly sometimesTheirs?: RegExp;
  /** Series whose value the release that the test runs beside takes from another place. */
  readonly values?: RegExp;
  /** Metrics that we give a type to and node_exporter doesn't. */
  readonly typed?: RegExp;
  /** Labels that we have and it doesn't, by metric. */
  readonly labels?: Readonly<Record<string, string>>;
  /** True where it shows on a fake host only: the real one can't be pointed elsewhere. */
  readonly fakeHostOnly?: boolean;
}

export const differences: readonly Difference[] = [
  {
    reason:
      "node_exporter gives /proc/vmstat, the protocol statistics, those of ZFS and of drivers and kernel settings no type for want of a list; the kernel's all count up from boot but for two, drivers' mostly, ZFS' and settings are gauges here",
    typed: /^node_(vmstat|netstat|zfs|sysctl|ethtool)_/,
  },
  {
    reason: "newer releases of node_exporter have the label too; old queries don't miss it",
    labels: {
      node_disk_info: "rotational",
      node_network_info: "adminstate",
      node_nvme_info: "cntlid",
    },
  },
  {
    reason: "newer releases of node_exporter have these too",
    sometimesOurs:
      /^node_(softnet_(cpu_collision_total|received_rps_total|flow_limit_count_total|backlog_len)|netstat_TcpExt_(TCPOFOQueue|TCPRcvQDrop)|cpu_(online|isolated|frequency_avg_hertz|scaling_governor)|edac_channel_|nvme_namespace_|watchdog_|kernel_hung_|ksmd_general_profit|md_(raid_disks|degraded)|btrfs_.*commit|filesystem_mount_info|hwmon_(freq_|sensor_label.*sensor="freq)|pressure_irq_|nfsd_requests_total\{method="(SetClientID|WdelegGetattr)|zfs_zpool_state\{state="suspended"|infiniband_(lifespan|duplicate_requests|implied_nak|local_ack|np_|out_of_|packet_seq|req_|resp_|rnr_|roce_|rp_|rx_))/,
  },
  {
    reason:
      "node_exporter 1.5 takes these counts from their neighbours' places and knows no Btrfs of three copies; newer releases and the kernel's headers have them where we do. Newer ones multiply an NVMe namespace's sectors, always 512 bytes, by its block size. All of them take bcache's microseconds for nanoseconds. A count of ZFS below zero it leaves out",
    sometimesOurs: /^node_zfs_arc_arc_need_free/,
    values:
      /^node_(nfsd?_requests_total\{method="(GetDeviceInfo|LayoutGet|Verify|Write|RelLockOwner)",proto="4"|bcache_btree_read_average_duration_seconds|btrfs_allocation_ratio\{.*mode="raid1c)/,
  },
  {
    reason:
      "the time zone is the process's own setting, in a container never the host's, and no number here depends on it",
    onlyTheirs: "node_time_zone_offset_seconds",
  },
  {
    reason:
      "node_exporter asks its own kernel by uname(2), whether it has SELinux, and about the devices of a Btrfs, whatever --path.procfs and --path.sysfs say; we read /proc/sys/kernel, /sys/fs/selinux and /sys/fs/btrfs",
    sometimesOurs: /^node_(uname_info|selinux_c|btrfs_device_(errors|.*btrfs_dev_uuid))/,
    sometimesTheirs: /^node_btrfs_device_/,
    onlyTheirs: "node_uname_info",
    values: /^node_selinux_/,
    fakeHostOnly: true,
  },
  {
    reason:
      "node_exporter leaves line feeds and backslashes of a mount point in octal, and then doesn't find it; a text of /sys it cuts after 128 bytes",
    sometimesOurs:
      /^node_(filesystem_.*mountpoint="[^"]*\\[n\\]|network_info\{.*ifalias="[^"]{127,}")/,
    sometimesTheirs:
      /^node_(filesystem_.*mountpoint="[^"]*\\\\(012|134)|network_info\{.*ifalias="[^"]{127})/,
  },
  {
    reason:
      "what a line of /proc/net/rpc that isn't there would have counted is absent here and 0 there: a kernel without version 2 of NFS hasn't counted any",
    sometimesTheirs: /^node_nfsd?_/,
  },
  {
    reason:
      "without --collector.textfile.directory the family is absent here; node_exporter says that reading no files was no error",
    onlyTheirs: "node_textfile_scrape_error",
  },
  {
    reason:
      "what node_exporter tells of itself is told by warpwatch_source_* here, and under its own names by --compat.node-exporter",
    onlyTheirs: "node_scrape_collector_",
    sometimesTheirs: /^(node_exporter_build_info|promhttp_)/,
  },
];
