/** The optional families and those of volumes on hosts whose files are cut off, reordered, negative, overlong or binary. */
import { expect, test } from "vitest";
import { chooseCollectors } from "../../../../agent/collector-flags.ts";
import { knownSources } from "../../../../agent/sources/all.ts";
import { WarpwatchError } from "../../../../core/kit/errors.ts";
import { gpuServerOptional } from "../../../hosts/gpu-server-optional.ts";
import { storageServer } from "../../../hosts/storage-server.ts";
import type { HostTree } from "../../../hosts/tree.ts";
import { createRandom, type Random } from "../../../kit/random.ts";
import { drive } from "./drive.ts";

const names =
  "bcache bcachefs btrfs buddyinfo cgroups cpu_info interrupts ksmd mdadm_details meminfo_numa processes slabinfo softirqs sysctl zoneinfo";
const sources = knownSources(
  chooseCollectors({
    "collector.bcache.priorityStats": true,
    "collector.cpu.info": true,
    "collector.cpu.info.flags-include": ".*",
    "collector.sysctl.include": ["fs.file-nr:a,b,c", "vm.swappiness"],
    "collector.sysctl.include-info": ["kernel.seccomp.actions_avail"],
  }),
).filter(({ name }) => names.split(" ").includes(name));
const host: HostTree = {
  ...gpuServerOptional({ processors: 2, interrupts: 3, processes: 2 }),
  ...storageServer(),
};

test("give numbers or nothing, whatever stands in their files, and again when it changes", async () => {
  expect(sources).toHaveLength(names.split(" ").length);
  const random = createRandom(11);
  let samples = 0;
  for (let round = 0; round < 2; round += 1)
    for (const source of sources) {
      const driven = await drive(source, { ...host, ...spoiled(random) });
      for (const change of [{}, spoiled(random)]) {
        driven.change(change);
        const found = await driven.read().catch((thrown: unknown) => {
          expect(thrown).toBeInstanceOf(WarpwatchError);
          return new Map<string, number>();
        });
        samples += found.size;
        expect([...found.values()].filter((value) => !Number.isFinite(value))).toEqual([]);
      }
    }
  expect(samples).toBeGreaterThan(500);
});

/** A third of the files, each spoiled in one way. */
function spoiled(random: Random): HostTree {
  const files = Object.entries(host).flatMap(([path, content]): [string, string | Buffer][] =>
    typeof content === "string" && !content.startsWith("\0") && random.below(3) === 0
      ? [[path, spoil(content, random)]]
      : [],
  );
  return Object.fromEntries(files);
}

function spoil(text: string, random: Random): string | Buffer {
  const some = (word: string): string =>
    text.replaceAll(/\d+/g, (digits) => (random.below(3) === 0 ? word : digits));
  switch (random.below(6)) {
    case 0:
      return text.slice(0, random.below(text.length + 1));
    case 1:
      return some("9".repeat(30));
    case 2:
      return some("-7");
    case 3:
      return text.split("\n").toReversed().join("\n");
    case 4:
      return `${text}${"x".repeat(random.below(9000))}`;
    default:
      return Buffer.from(
        Array.from(text, (character) =>
          random.below(9) === 0 ? random.below(256) : (character.codePointAt(0) ?? 0),
        ),
      );
  }
}
