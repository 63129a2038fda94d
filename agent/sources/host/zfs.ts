/** The ZFS module's statistics from /proc/spl/kstat/zfs: files of `name type data` lines, and a folder for each pool. */
import { join } from "node:path";
import * as internals from "../../../core/catalog/filesystem-internals.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Source } from "../source.ts";
import { decodeName, type LinePlanner } from "./line-table.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import { missing } from "./missing.ts";

/** File → what node_exporter calls it. */
const files: Readonly<Record<string, string>> = {
  abdstats: "abd",
  arcstats: "arc",
  dbufstats: "dbuf",
  dmu_tx: "dmu_tx",
  dnodestats: "dnode",
  fm: "fm",
  vdev_cache_stats: "vdev_cache",
  vdev_mirror_stats: "vdev_mirror",
  xuio_stats: "xuio",
  zfetchstats: "zfetch",
  zil: "zil",
};
const states = ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"];
/** `hits 4 123`: a signed or unsigned number of 64 bits; other types are text. */
const linePattern = /^(\S+)\s+([34])\s+(-?\d+)\s*$/;

export const zfsSource: Source = {
  name: "zfs",
  metrics: [internals.zfs, internals.zfsPool, internals.zfsDataset, internals.zfsPoolState],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.procfs, "spl/kstat/zfs");
    return openListedReader({
      clock: env.clock,
      absent: missing("zfs", env.paths, folder),
      list(listing) {
        for (const name of listing.folder(folder))
          if (Object.hasOwn(files, name))
            listing.table(join(folder, name), (slots) => planModule(slots, files[name] ?? ""));
          else listPool(listing, join(folder, name), name);
      },
    });
  },
};

function listPool(listing: Listing, folder: string, zpool: string): void {
  const inside = listing.folder(folder);
  if (inside.includes("io")) listing.table(join(folder, "io"), (slots) => planPool(slots, zpool));
  for (const name of inside)
    if (name.startsWith("objset-"))
      listing.table(join(folder, name), (slots) => planDataset(slots, zpool));
  const state = inside.includes("state") ? listing.text(join(folder, "state"), "watched") : "";
  if (state !== "")
    for (const one of states)
      listing.fact(
        internals.zfsPoolState,
        { zpool, state: one },
        one === state.toLowerCase() ? 1 : 0,
      );
}

function planModule(slots: SlotRegistrar, prefix: string): LinePlanner {
  return (line) => {
    const match = linePattern.exec(line);
    if (!match?.[1]) return { keyBytes: /^[a-z]\S*\s+\S+/.exec(line)?.[0].length ?? 0, slots: [] };
    const metric = internals.zfs.metric(`${prefix}_${match[1].replaceAll("-", "_")}`);
    return { keyBytes: keyBytesOf(line), slots: [slots.slot(metric, {})], signed: true };
  };
}

function planDataset(slots: SlotRegistrar, zpool: string): LinePlanner {
  let dataset = "";
  return (line) => {
    const named = /^dataset_name\s+\d+\s+(.*)$/.exec(line);
    if (named) dataset = decodeName(named[1] ?? "");
    const match = linePattern.exec(line);
    if (!match?.[1] || match[2] !== "4") return named ? { keyBytes: line.length, slots: [] } : null;
    const metric = internals.zfsDataset.metric(match[1].replaceAll("-", "_"));
    return { keyBytes: keyBytesOf(line), slots: [slots.slot(metric, { zpool, dataset })] };
  };
}

/** The name and the type, up to the number. */
function keyBytesOf(line: string): number {
  return /^\S+\s+\d\s+/.exec(line)?.[0].length ?? 0;
}

/** A heading of names that begins with nread, then a line of numbers. */
function planPool(slots: SlotRegistrar, zpool: string): LinePlanner {
  let names: readonly string[] = [];
  return (line) => {
    const fields = line.trim().split(/\s+/);
    if (names.length === 0) {
      if (fields[0] === "nread") names = fields;
      return { keyBytes: 0, slots: [] };
    }
    return {
      keyBytes: 0,
      slots: names.map((name) => slots.slot(internals.zfsPool.metric(name), { zpool })),
    };
  };
}
