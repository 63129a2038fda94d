/** Make and abilities of processors from /proc/cpuinfo, as the kernel's arch/x86/kernel/cpu/proc.c prints it: told when asked for. */
import { join } from "node:path";
import { processorBug, processorFlag, processorInfo } from "../../../core/catalog/tasks.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import type { HostOptions } from "./options.ts";
import { createSampleReader } from "./sample-reader.ts";
import { missing } from "./missing.ts";

type Block = ReadonlyMap<string, string>;

export function createCpuInfoSource(options: HostOptions["cpu"]): Source {
  return {
    name: "cpu_info",
    metrics: [processorInfo, processorFlag, processorBug],
    sampling: "inventory",
    open({ env }) {
      if (!options.info) return absent("it isn't asked for: --collector.cpu.info does");
      const path = join(env.paths.procfs, "cpuinfo");
      const file = openKeptFile(path, { initialBytes: 65_536 });
      if (!file) return absent(missing("cpu", env.paths, path));
      return createSampleReader(
        (add) => {
          file.read();
          const blocks = parseBlocks(file.bytes.toString("utf8", 0, file.length));
          for (const block of blocks) add(processorInfo, labelsOf(block), 1);
          const words = (key: string): string[] => (blocks[0]?.get(key) ?? "").split(/\s+/);
          const { keepsFlag, keepsBug } = options;
          if (keepsFlag)
            for (const flag of words("flags")) if (keepsFlag(flag)) add(processorFlag, { flag }, 1);
          if (keepsBug)
            for (const bug of words("bugs")) if (keepsBug(bug)) add(processorBug, { bug }, 1);
        },
        () => file.close(),
      );
    },
  };
}

/** A block of `key : value` lines per processor, begun by its number; on some architectures one more speaks for all. */
function parseBlocks(text: string): Block[] {
  return text
    .split(/\n\s*\n/)
    .map((block) => {
      const pairs = [...block.matchAll(/^([^\t:\n]+?)[ \t]*:[ \t]*(.*?)[ \t]*$/gm)];
      const known = new Map(pairs.map(([, key = "", value = ""]) => [key, value]));
      // What Arm calls features is flags elsewhere.
      const features = known.get("Features");
      if (features !== undefined) known.set("flags", features);
      return known;
    })
    .filter((block) => /^\d+$/.test(block.get("processor") ?? ""));
}

function labelsOf(block: Block): Record<(typeof processorInfo.labels)[number], string> {
  const text = (key: string): string => block.get(key) ?? "";
  return {
    package: text("physical id"),
    core: text("core id"),
    cpu: text("processor"),
    vendor: text("vendor_id"),
    family: text("cpu family"),
    model: text("model"),
    model_name: text("model name"),
    microcode: text("microcode"),
    stepping: text("stepping"),
    cachesize: text("cache size"),
  };
}
