/** Counts of XFS filesystems from /sys/fs/xfs/<device>/stats/stats, as the kernel's fs/xfs/xfs_stats.c prints them: a key and its numbers per line. */
import { join } from "node:path";
import { xfs } from "../../../core/catalog/filesystem-internals.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Source } from "../source.ts";
import type { LinePlanner } from "./line-table.ts";
import { openListedReader } from "./listed-reader.ts";
import { missing } from "./missing.ts";

const btree = "lookups compares records_inserted records_deleted";
/** Line → what its metrics begin with → their names by place. */
const lines: Readonly<Record<string, readonly [string, string]>> = {
  extent_alloc: [
    "extent_allocation",
    "extents_allocated blocks_allocated extents_freed blocks_freed",
  ],
  abt: ["allocation_btree", btree],
  blk_map: [
    "block_mapping",
    "reads writes unmaps extent_list_insertions extent_list_deletions extent_list_lookups extent_list_compares",
  ],
  bmbt: ["block_map_btree", btree],
  dir: ["directory_operation", "lookup create remove getdents"],
  ig: ["inode_operation", "attempts found recycled missed duplicates reclaims attribute_changes"],
  rw: ["", "write_calls read_calls"],
  vnodes: ["vnode", "active allocate get hold release reclaim remove"],
};

export const xfsSource: Source = {
  name: "xfs",
  metrics: [xfs],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "fs/xfs");
    return openListedReader({
      clock: env.clock,
      absent: missing("xfs", env.paths, folder),
      list(listing) {
        // Beside the filesystems there is `stats`, which sums them up, and `debug`.
        for (const device of listing.folder(folder, /^(?!stats$|debug$)/))
          listing.table(join(folder, device, "stats/stats"), (slots) => plan(slots, device));
      },
    });
  },
};

function plan(slots: SlotRegistrar, device: string): LinePlanner {
  return (line) => {
    const key = /^(\w+) /.exec(line)?.[1];
    if (key === undefined) return null;
    const [prefix = "", names = ""] = Object.hasOwn(lines, key) ? (lines[key] ?? []) : [];
    const found = names.split(" ").filter((name) => name !== "");
    return {
      keyBytes: key.length + 1,
      slots: found.map((name) =>
        slots.slot(xfs.metric(`${prefix === "" ? "" : `${prefix}_`}${name}_total`), { device }),
      ),
    };
  };
}
