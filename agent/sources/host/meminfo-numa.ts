/** Memory by NUMA node from /sys/devices/system/node/node*: meminfo, as in /proc with the node before it, and numastat. */
import { join } from "node:path";
import { nodeMemory } from "../../../core/catalog/memory-layout.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Source } from "../source.ts";
import type { LinePlanner } from "./line-table.ts";
import { openListedReader } from "./listed-reader.ts";

/** `Node 0 Active(anon):   1234 kB`; counts of huge pages have no unit. */
const linePattern = /^(Node (\d+) ([A-Za-z][\w()]{0,63}):)[ \t]+\S+([ \t]+kB)?[ \t]*$/;
const bytesPerKibibyte = 1024;

export const meminfoNumaSource: Source = {
  name: "meminfo_numa",
  metrics: [nodeMemory],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "devices/system/node");
    return openListedReader({
      clock: env.clock,
      absent: `no node is under ${folder}: the kernel lacks CONFIG_NUMA`,
      list(listing) {
        for (const name of listing.folder(folder, /^node\d+$/)) {
          const node = name.slice("node".length);
          listing.table(join(folder, name, "meminfo"), planMemory);
          listing.table(join(folder, name, "numastat"), (slots) => planCounts(slots, node));
        }
      },
    });
  },
};

function planMemory(slots: SlotRegistrar): LinePlanner {
  return (line) => {
    const [, head, node, name, size] = linePattern.exec(line) ?? [];
    if (head === undefined || node === undefined || name === undefined) return null;
    const isSize = size !== undefined;
    const key = name.replace(/\((.*)\)/, "_$1").replaceAll(/\W/g, "");
    // Unlike those of the whole machine these carry no unit in their names.
    const metric = nodeMemory.metric(key, isSize ? { unit: "bytes" } : {});
    return {
      keyBytes: head.length,
      slots: [slots.slot(metric, { node })],
      multipliers: [isSize ? bytesPerKibibyte : 1],
    };
  };
}

function planCounts(slots: SlotRegistrar, node: string): LinePlanner {
  return (line) => {
    const key = /^(\w{1,64}) /.exec(line)?.[1];
    if (key === undefined) return null;
    const metric = nodeMemory.metric(`${key}_total`, { kind: "counter" });
    return { keyBytes: key.length + 1, slots: [slots.slot(metric, { node })] };
  };
}
