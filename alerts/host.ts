/** Rules for any host, over node_exporter's names: they hold for our agent and for a scraped node_exporter alike. */
import { cpu, disk, filesystem, memory, network, pressure } from "../core/catalog/index.ts";
import {
  add,
  aggregate,
  both,
  compare,
  divide,
  rate,
  unless,
  value,
  type Expression,
} from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;

/** Images that are full by their nature. */
const imageFilesystems = { excludes: /squashfs|erofs|iso9660|ramfs|efivarfs/ };
/** Devices that stand for no drive, and the drives that HostStorageLatency judges more strictly. */
const slowDisks = { excludes: /(loop|ram|zram|sr|fd)\d+|nvme.*/ };
/** Interfaces that exist only within the host. */
const virtualInterfaces = { excludes: /lo|(veth|docker|br-|cali|cni|flannel|lxc|tap|tun|virbr).*/ };

const writable = { fstype: imageFilesystems } as const;

export const filesystemFilling = defineRule({
  name: "HostFilesystemFilling",
  condition: both(
    compare(
      divide(value(filesystem.available, writable), value(filesystem.size, writable)),
      "<",
      0.1,
      0.12,
    ),
    compare(value(filesystem.readOnly, writable), "==", 0),
  ),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "filesystem",
  summary: "{{ mountpoint }} on {{ node }} has {{ value | percent }} left",
  description:
    "The filesystem {{ mountpoint }} ({{ device }}, {{ fstype }}) is nearly full. What writes to it fails when it is.",
  ended: { stillReported: filesystem.size, on: [] },
  source:
    "Between the 5 % at which node-mixin's NodeFilesystemAlmostOutOfSpace warns and the 20 % at which its prediction begins; clears at 12 %.",
});

const kibibytes = { unit: "bytes", suffix: "_bytes" } as const;

export const memoryExhausted = defineRule({
  name: "HostMemoryExhausted",
  condition: compare(
    divide(
      value(memory.memory.metric("MemAvailable", kibibytes)),
      value(memory.memory.metric("MemTotal", kibibytes)),
    ),
    "<",
    0.05,
    0.08,
  ),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "memory",
  summary: "{{ node }} has {{ value | percent }} of its memory left",
  description:
    "The kernel could give only this share of memory to programs without swapping. Soon it will kill one, often the data loader or the job itself.",
  source:
    "MemAvailable is the kernel's own estimate (Documentation/filesystems/proc.rst). node-mixin warns at 10 %; 5 % is later, since a training host keeps its memory full on purpose.",
});

export const cpuPressure = defineRule({
  name: "HostCpuPressure",
  condition: compare(rate(value(pressure.cpuWaiting), fiveMinutes), ">", 0.5, 0.4),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "cpu",
  summary: "tasks on {{ node }} wait for a processor {{ value | percent }} of the time",
  description:
    "In this share of the last five minutes at least one task was ready and had no processor. GPUs that are fed from this host wait with it.",
  source:
    "Pressure stall information (kernel, Documentation/accounting/psi.rst); half of the time is our choice: a host that feeds its GPUs stays well below.",
});

/** The processors, counted by their idle counters; `instance` and `job` keep it matchable in PromQL. */
const processors = aggregate("count", ["instance", "job"], value(cpu.cpuSeconds, { mode: "idle" }));

export const cpuOverloaded = defineRule({
  name: "HostCpuOverloaded",
  condition: unless(
    compare(divide(value(cpu.load5), processors), ">", 2, 1.5),
    compare(value(pressure.cpuWaiting), ">=", 0),
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "cpu",
  summary: "{{ node }} has {{ value }} tasks per processor that want to run",
  description:
    "The five-minute load divided by the number of processors. Judged only where the kernel doesn't report pressure (built without PSI, or psi=0), which tells more.",
  source:
    "node-mixin's NodeSystemSaturation: more than 2 per core. Stands in for HostCpuPressure where the kernel has no PSI.",
});

function requestsOf(device: { readonly matches: RegExp } | { readonly excludes: RegExp }) {
  const both = (reads: typeof disk.readSeconds, writes: typeof disk.writeSeconds): Expression =>
    add(rate(value(reads, { device }), fiveMinutes), rate(value(writes, { device }), fiveMinutes));
  return {
    completed: both(disk.readsCompleted, disk.writesCompleted),
    waited: both(disk.readSeconds, disk.writeSeconds),
  };
}

const { completed, waited } = requestsOf(slowDisks);

export const diskLatency = defineRule({
  name: "HostDiskLatency",
  condition: both(
    compare(divide(waited, completed), ">", 0.1, 0.05),
    // A lone slow request on an idle disk is no trouble.
    compare(completed, ">", 1, 0),
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "disk",
  summary: "{{ device }} on {{ node }} takes {{ value }} s per request",
  description:
    "Reads and writes together took this long on average over five minutes, time in the queue included. The drive fails, or is asked for more than it can do.",
  source:
    "The 0.1 s per request that public node_exporter rule sets use for unusual disk latency; a spinning one in order answers within twenty milliseconds. NVMe drives have HostStorageLatency.",
});

const flash = requestsOf({ matches: /nvme.*/ });

export const storageLatency = defineRule({
  name: "HostStorageLatency",
  condition: both(
    compare(divide(flash.waited, flash.completed), ">", 0.01, 0.005),
    compare(flash.completed, ">", 1, 0),
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "disk",
  summary: "{{ device }} on {{ node }} takes {{ value }} s per request",
  description:
    "Ten milliseconds and more are many times what an NVMe drive takes: it fails, throttles itself, or is asked for more than it can do. Loaders and checkpoints wait.",
  source:
    "10 ms as commonly asked of storage that feeds GPUs; a healthy NVMe drive answers within one. HostDiskLatency judges the other drives.",
});

const errors: Expression = add(
  rate(value(network.receiveErrors, { device: virtualInterfaces }), fiveMinutes),
  rate(value(network.transmitErrors, { device: virtualInterfaces }), fiveMinutes),
);
const packets: Expression = add(
  rate(value(network.receivePackets, { device: virtualInterfaces }), fiveMinutes),
  rate(value(network.transmitPackets, { device: virtualInterfaces }), fiveMinutes),
);

export const networkErrors = defineRule({
  name: "HostNetworkErrors",
  condition: compare(divide(errors, packets), ">", 0.01, 0.005),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "network",
  summary: "{{ value | percent }} of the packets of {{ device }} on {{ node }} are faulty",
  description:
    "Share of packets that the interface received or sent with an error over five minutes: a cable, a transceiver or a port. Collectives over it slow down for every rank.",
  source:
    "node-mixin's NodeNetworkReceiveErrs and NodeNetworkTransmitErrs: more than 1 % of packets.",
});

const dropped: Expression = add(
  rate(value(network.receiveDropped, { device: virtualInterfaces }), fiveMinutes),
  rate(value(network.transmitDropped, { device: virtualInterfaces }), fiveMinutes),
);

export const packetLoss = defineRule({
  name: "HostPacketLoss",
  condition: both(
    compare(divide(dropped, packets), ">", 0.0001, 0.000_05),
    // A handful on an idle interface is no trouble.
    compare(dropped, ">", 1, 0),
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "network",
  team: "network",
  summary: "{{ device }} on {{ node }} drops {{ value | percent }} of its packets",
  description:
    "Dropped for want of room or of a taker, over five minutes. Each lost packet of a collective costs a retransmission, and every rank waits for it.",
  source:
    "0.01 %, as commonly asked of networks for distributed training; one a second at least, so that stray broadcasts don't count.",
});
