/** Rules for what a GPU server hangs on: its PCI Express links, its RDMA ports, and processes that its drivers hold. */
import { fabric, netclass, pci, rdma, stuckProcesses } from "../core/catalog/index.ts";
import { both, compare, divide, increase, rate, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;

export const pciErrors = defineRule({
  name: "HostPciErrors",
  condition: compare(
    increase(value(pci.errors, { error_class: { matches: /nonfatal|fatal/ } }), fiveMinutes),
    ">",
    0,
  ),
  severity: "warning",
  component: "pci",
  summary: "{{ device }} ({{ kind }}) on {{ node }} reports {{ error_class }} PCI Express errors",
  description:
    "The device reported an error that its link could not correct. A fatal one takes the link down, and a GPU off the bus with it; a nonfatal one loses a transaction.",
  ended: { stillReported: pci.devicesLeftOut, on: [] },
  source:
    "No tolerance: a link in order has no uncorrectable errors (kernel, Documentation/PCI/pcieaer-howto.rst). Correctable ones are repaired by the link itself and aren't judged.",
});

export const pciLinkDegraded = defineRule({
  name: "HostPciLinkDegraded",
  condition: compare(divide(value(pci.linkWidth), value(pci.linkWidthMaximum)), "<", 1),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "pci",
  summary:
    "the link of {{ device }} ({{ kind }}) on {{ node }} has {{ value | percent }} of its lanes",
  description:
    "The link was trained with fewer lanes than both of its ends have. Copies to and from the device take as much longer, and every rank of a job waits for the slowest.",
  ended: { stillReported: pci.devicesLeftOut, on: [] },
  source:
    "No tolerance: lanes are lost to dirt, a riser or a fault, never to save power. Speed isn't judged: an idle GPU lowers it.",
});

const oneInAThousand = 0.001;

export const rdmaOutOfSequence = defineRule({
  name: "RdmaPacketsOutOfSequence",
  condition: both(
    compare(
      divide(
        rate(value(rdma.outOfSequence), fiveMinutes),
        rate(value(fabric.infinibandPort.metric("port_packets_received_total")), fiveMinutes),
      ),
      ">",
      oneInAThousand,
      oneInAThousand / 2,
    ),
    // A handful on an idle port is no trouble.
    compare(rate(value(rdma.outOfSequence), fiveMinutes), ">", 1, 0),
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "network",
  summary:
    "{{ value | percent }} of the RDMA packets at {{ device }} port {{ port }} on {{ node }} come out of sequence",
  description:
    "Packets before them were lost or overtaken, and the sender sends again from there on. Collectives over this port slow down for every rank.",
  source:
    "Our choice. A lossless fabric has none; at one packet in a thousand a sender that goes back to the first that was lost already sends a good part of its window twice.",
});

export const processStuck = defineRule({
  name: "HostProcessStuck",
  condition: compare(value(stuckProcesses.uninterruptibleSeconds), ">", 300),
  severity: "warning",
  component: "process",
  summary:
    "{{ command }} on {{ node }} has been in uninterruptible sleep for {{ value | duration }}",
  description:
    "The process waits in the kernel for a driver, a disk or a file server and can't be killed. Its GPU and memory stay taken until the wait ends or the node is restarted.",
  ended: { stillReported: stuckProcesses.scanSeconds, on: [] },
  source:
    "Two and a half times the 120 s after which the kernel itself warns of a hung task (kernel.hung_task_timeout_secs).",
});

export const linkFlaps = defineRule({
  name: "HostLinkFlapping",
  condition: compare(
    increase(
      value(netclass.carrierDownChanges, {
        device: { excludes: /lo|(veth|docker|br-|cali|cni|flannel|lxc|tap|tun|virbr).*/ },
      }),
      15 * minute,
    ),
    ">",
    2.5,
  ),
  severity: "warning",
  component: "network",
  team: "network",
  summary: "{{ device }} on {{ node }} lost its link {{ value }} times within a quarter of an hour",
  description:
    "A cable, a transceiver or a switch port. Connections survive each flap and stand still meanwhile.",
  source:
    "NVSentinel's monitor of adapters: more than two. Half a flap less than three, since an increase is extrapolated.",
});
