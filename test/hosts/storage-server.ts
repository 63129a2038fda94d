/** A storage server: Btrfs on three devices and on one, bcache, software arrays, multipath; small enough to work out by hand. */
import { dirname } from "node:path";
import { linkTo, type HostTree } from "./tree.ts";

type Files = Record<string, string | null>;

export const mirrorUuid = "0f1a9a5e-2f3b-4e5d-9a70-6a4a4f0d2c11";
export const scratchUuid = "7c1d53c4-87a4-4f0e-8a51-1fd1a1b6a002";
export const cacheUuid = "c3f6b7de-90ab-4c1d-8e2f-334455667788";
export const poolUuid = "5b7e4c1a-1111-4222-8333-944455556666";

export function storageServer(): HostTree {
  return {
    "proc/stat":
      "cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\nintr 9 1 0\nctxt 7\nbtime 1795329575\nprocesses 5\nprocs_running 1\nprocs_blocked 0\nsoftirq 55 1 2 3 4 5 6 7 8 9 10\n",
    ...btrfsFiles(),
    ...bcacheFiles(),
    ...arrayFiles(),
    ...multipathFiles(),
    ...bcachefsFiles(),
  };
}

function btrfsFiles(): Files {
  return {
    "sys/fs/btrfs/features/raid56": "0\n",
    ...filesystem(mirrorUuid, "mirror", ["sda", "sdb", "sdc"], {
      "data/raid1": [2_000_000, 1_500_000],
      "metadata/raid1c3": [300_000, 100_000],
      "system/raid5": [16_384, 4096],
    }),
    [`sys/fs/btrfs/${mirrorUuid}/commit_stats`]:
      "commits 42\ncur_commit_ms 0\nlast_commit_ms 12\nmax_commit_ms 3400\ntotal_commit_ms 61500\n",
    [`sys/fs/btrfs/${mirrorUuid}/devinfo/1/error_stats`]: errors(3, 1),
    [`sys/fs/btrfs/${mirrorUuid}/devinfo/2/error_stats`]: errors(0, 0),
    [`sys/fs/btrfs/${mirrorUuid}/devinfo/3/missing`]: "0\n",
    ...filesystem(scratchUuid, "", ["nvme0n1"], {
      "data/single": [900_000, 800_000],
      "metadata/dup": [1000, 10],
      "system/dup": [1000, 10],
    }),
    [`sys/fs/btrfs/${scratchUuid}/devinfo/1/error_stats`]: errors(0, 7),
    [`sys/fs/btrfs/${scratchUuid}/devices/nvme0n1/dev`]: "259:0\n",
    "run/udev/data/b259:0": "E:ID_FS_TYPE=btrfs\nE:ID_FS_UUID_SUB=11112222-3333\n",
  };
}

function filesystem(
  uuid: string,
  label: string,
  devices: readonly string[],
  groups: Readonly<Record<string, readonly [number, number]>>,
): Files {
  const folder = `sys/fs/btrfs/${uuid}`;
  const files: Files = {
    [`${folder}/label`]: `${label}\n`,
    [`${folder}/metadata_uuid`]: `${uuid}\n`,
    [`${folder}/features/raid56`]: "1\n",
    [`${folder}/allocation/global_rsv_size`]: "3407872\n",
  };
  for (const device of devices) files[`${folder}/devices/${device}/size`] = "2097152\n";
  for (const [group, [size, used]] of Object.entries(groups)) {
    const own = `${folder}/allocation/${group}`;
    files[`${own}/total_bytes`] = `${size}\n`;
    files[`${own}/used_bytes`] = `${used}\n`;
    files[`${dirname(own)}/bytes_reserved`] = "512\n";
  }
  return files;
}

function errors(read: number, corruption: number): string {
  return `write_errs 0\nread_errs ${read}\nflush_errs 0\ncorruption_errs ${corruption}\ngeneration_errs 0\n`;
}

function bcacheFiles(): Files {
  const folder = `sys/fs/bcache/${cacheUuid}`;
  const files: Files = {
    "sys/fs/bcache/pendings_cleanup": "0\n",
    [`${folder}/average_key_size`]: "49\n",
    [`${folder}/btree_cache_size`]: "17.2M\n",
    [`${folder}/cache_available_percent`]: "93\n",
    [`${folder}/congested`]: "0\n",
    [`${folder}/root_usage_percent`]: "25\n",
    [`${folder}/tree_depth`]: "1\n",
    [`${folder}/internal/active_journal_entries`]: "12\n",
    [`${folder}/internal/btree_nodes`]: "69\n",
    [`${folder}/internal/btree_read_average_duration_us`]: "1305\n",
    [`${folder}/internal/cache_read_races`]: "2\n",
    [`${folder}/bdev0/dirty_data`]: "1.3G\n",
    [`${folder}/bdev0/writeback_rate_debug`]:
      "rate:\t\t4.0k/sec\ndirty:\t\t1.3G\ntarget:\t\t20.4G\nproportional:\t-27.5k\nintegral:\t790.0k\nchange:\t\t-1.5k/sec\nnext io:\t17ms\n",
    [`${folder}/cache0/io_errors`]: "0\n",
    [`${folder}/cache0/metadata_written`]: "512\n",
    [`${folder}/cache0/written`]: "1.0k\n",
    [`${folder}/cache0/priority_stats`]: "Unused:\t\t99%\nMetadata:\t0%\n",
  };
  const counts = {
    bypassed: "3.5T",
    cache_hits: "289",
    cache_misses: "17",
    cache_bypass_hits: "4",
    cache_bypass_misses: "5",
    cache_miss_collisions: "6",
    cache_readaheads: "13",
  };
  for (const [name, value] of Object.entries(counts))
    for (const place of [folder, `${folder}/bdev0`])
      for (const period of ["stats_five_minute", "stats_total"])
        files[`${place}/${period}/${name}`] = `${value}\n`;
  return files;
}

function arrayFiles(): Files {
  const array = (name: string, level: string, rest: Files): Files =>
    Object.fromEntries(
      Object.entries({ level: `${level}\n`, ...rest }).map(([file, text]) => [
        `sys/block/${name}/md/${file}`,
        text,
      ]),
    );
  return {
    "proc/mdstat":
      "Personalities : [raid6] [raid0]\nmd0 : active raid6 sdd[0] sde[1] sdf[2]\n      1000 blocks super 1.2 level 6, 64k chunk, algorithm 2 [4/3] [UUU_]\n\nunused devices: <none>\n",
    ...array("md0", "raid6", { raid_disks: "4\n", degraded: "1\n" }),
    ...array("md1", "raid0", { raid_disks: "2\n" }),
    ...array("md2", "raid5", { raid_disks: "6 (5)\n", degraded: "0\n" }),
    ...array("md127", "container", { raid_disks: "0\n" }),
    ...array("md9", "", { raid_disks: "\n" }),
  };
}

function multipathFiles(): Files {
  return {
    "sys/block/dm-0/dm/uuid": "LVM-1\n",
    "sys/block/dm-1/dm/uuid": "mpath-3600508b4\n",
    "sys/block/dm-1/dm/name": "mpatha\n",
    "sys/block/dm-1/dm/suspended": "0\n",
    "sys/block/dm-1/size": "2048\n",
    "sys/block/dm-1/slaves/sdx": linkTo("../../sdx"),
    "sys/block/dm-1/slaves/sdy": linkTo("../../sdy"),
    "sys/block/sdx/device/state": "running\n",
    "sys/block/sdy/device/state": "offline\n",
  };
}

function bcachefsFiles(): Files {
  const folder = `sys/fs/bcachefs/${poolUuid}`;
  return {
    [`${folder}/btree_cache_size`]: "2.5M\n",
    [`${folder}/counters/btree_node_read`]:
      "since mount:                   10\nsince filesystem creation:     70225874\n",
    [`${folder}/compression_stats`]:
      "type              compressed    uncompressed     average extent size\nlz4                    4.50k           9.00k                   62.5k\nodd\n",
    [`${folder}/btree_write_stats`]:
      "                   nr        size\ninitial:           3298   108k\n",
    [`${folder}/errors`]: "bset_bad_csum                                   2       1767112063\n",
    [`${folder}/dev-0/label`]: "ssd.one\n",
    [`${folder}/dev-0/state`]: "[rw] ro\n",
    [`${folder}/dev-0/bucket_size`]: "512k\n",
    [`${folder}/dev-0/nbuckets`]: "953880\n",
    [`${folder}/dev-0/durability`]: "1\n",
    [`${folder}/dev-0/io_done`]:
      "read:\nbtree       :     5242880\nwrite:\nbtree       :       16384\n",
    [`${folder}/dev-0/io_errors`]:
      "IO errors since filesystem creation\n  read:    5\n  write:   0\nIO errors since 8 y ago\n  read:    1\n  write:   0\n",
  };
}
