/** The families that are off by default, and what flags add to others, beside Debian's prometheus-node-exporter with the same flags. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { afterAll } from "vitest";
import { chooseCollectors, collectorFlags } from "../../../../agent/collector-flags.ts";
import { realSources } from "../../../../agent/sources/all.ts";
import type { Source } from "../../../../agent/sources/source.ts";
import { defaultPaths } from "../../../../core/kit/env.ts";
import { gpuServerOptional } from "../../../hosts/gpu-server-optional.ts";
import { storageServer } from "../../../hosts/storage-server.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { differences, type Difference } from "./parity-differences.ts";
import { describeParity } from "./parity-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "warpwatch-parity-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const flags = [
  ..."bcache btrfs buddyinfo cgroups interrupts ksmd meminfo_numa network_route processes slabinfo sysctl zoneinfo"
    .split(" ")
    .map((name) => `--collector.${name}`),
  "--collector.sysctl.include=fs.file-nr",
  "--collector.sysctl.include=fs.file-nr:allocated,free,maximum",
  "--collector.sysctl.include=vm.swappiness",
  "--collector.sysctl.include-info=kernel.seccomp.actions_avail",
];

describeParity({
  hosts: [
    ["this machine", defaultPaths, false],
    ["a GPU server", writeHost(join(folder, "gpu"), gpuServerOptional()), true],
  ],
  sources: sourcesFor(flags),
  differences: differences.map(mayShow),
  flags,
  smallest: 300,
  // A process is in a state for a moment only.
  fleeting: /^node_processes_(threads_)?state\{/,
});

const infoFlags = [
  "--collector.bcache",
  "--collector.bcache.priorityStats",
  "--collector.btrfs",
  "--collector.cpu",
  "--collector.cpu.info",
  "--collector.stat",
  "--collector.stat.softirq",
  "--collector.cpu.info.flags-include=^(avx.?|aes)$",
  "--collector.cpu.info.bugs-include=^spectre_.*$",
];

describeParity({
  hosts: [
    ["this machine, its processors told", defaultPaths, false],
    [
      "a storage server",
      writeHost(join(folder, "storage"), { ...gpuServerOptional(), ...storageServer() }),
      true,
    ],
  ],
  sources: sourcesFor(infoFlags),
  differences: differences.map(mayShow),
  flags: infoFlags,
  smallest: 15,
});

const driverFlags = ["--collector.ethtool", "--collector.timex"];

describeParity({
  hosts: [["this machine, its interfaces' drivers told", defaultPaths, false]],
  sources: sourcesFor(driverFlags),
  differences: differences.map(mayShow),
  flags: driverFlags,
  smallest: 17,
});

function sourcesFor(args: readonly string[]): Source[] {
  const all = ["--collector.disable-defaults", ...args];
  const { values } = parseArgs({ args: all, options: collectorFlags });
  return realSources(chooseCollectors(values));
}

/** The families of which node_exporter always has something that we lack aren't on. */
function mayShow({ onlyTheirs, ...rest }: Difference): Difference {
  return onlyTheirs === "node_scrape_collector_" ? { onlyTheirs, ...rest } : rest;
}
