/** What a GPU server needs and node_exporter lacks, from /proc and /sys: an explicit list, read after the host's other sources. */
import type { Source, SourceContext } from "../source.ts";
import { createContainerRuntimesSource } from "./container-runtimes.ts";
import { createDiskLatencySource } from "./disk-latency.ts";
import { createGpuCgroupSource } from "./gpu-cgroups.ts";
import { gpuStackSource } from "./gpu-stack.ts";
import type { FileShare } from "./kept-file.ts";
import { createNetworkUtilizationSource } from "./network-utilization.ts";
import type { HostOptions } from "./options.ts";
import { pciSource } from "./pci.ts";
import { stuckProcessesSource } from "./stuck-processes.ts";
import { tcpRetransmitsSource } from "./tcp-retransmits.ts";

export function createGpuServerSources(share: FileShare, options: HostOptions): Source[] {
  return [
    createDiskLatencySource(share, options.diskstats),
    createNetworkUtilizationSource(share, options.netdev),
    tcpRetransmitsSource,
    pciSource,
    createGpuCgroupSource(tellProcesses),
    stuckProcessesSource,
    gpuStackSource,
    createContainerRuntimesSource(),
  ];
}

/** Null while no driver lists them: then open files show who holds a GPU. */
function tellProcesses({ gpus }: SourceContext): readonly number[] | null {
  const { processes } = gpus;
  return processes && [...new Set([...processes.values()].flat().map(({ pid }) => pid))];
}
