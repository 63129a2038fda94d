/** The board for what connects GPUs between nodes: RDMA ports, links of the host's network, and the PCI Express under both. */
import { aggregate, divide, rate, subtract, value } from "../alerts/expression.ts";
import { pciErrors, pciLinkDegraded, rdmaOutOfSequence } from "../alerts/host-hardware.ts";
import { portDown } from "../alerts/infiniband.ts";
import * as betweenReadings from "../core/catalog/between-readings.ts";
import * as fabric from "../core/catalog/fabric.ts";
import * as inventory from "../core/catalog/inventory.ts";
import * as network from "../core/catalog/network.ts";
import * as pci from "../core/catalog/pci.ts";
import * as rdma from "../core/catalog/rdma.ts";
import * as self from "../core/catalog/self.ts";
import {
  lines,
  one,
  table,
  timeline,
  type Board,
  type Query,
  type Row,
  type StateWord,
} from "./board.ts";
import { kernelMark } from "./marks.ts";
import { course, total, totalGain, trend, window } from "./plot.ts";

const perPort = "{{instance}} {{device}} port {{port}}";
const perDevice = "{{instance}} {{device}} {{kind}}";
const linkState = fabric.infinibandPort.metric("state_id", { kind: "gauge" });
const received = fabric.infinibandPort.metric("port_data_received_bytes_total");
const sent = fabric.infinibandPort.metric("port_data_transmitted_bytes_total");
const portRate = fabric.infinibandPort.metric("rate_bytes_per_second", { kind: "gauge" });
const symbolErrors = fabric.infinibandPort.metric("symbol_error_total");
const linkDowned = fabric.infinibandPort.metric("link_downed_total");
const packetsReceived = fabric.infinibandPort.metric("port_packets_received_total");

const portStates: Readonly<Record<string, StateWord>> = {
  1: { text: "down", color: "red" },
  2: { text: "initialising", color: "orange" },
  3: { text: "armed", color: "orange" },
  4: { text: "active", color: "green" },
};

function shareOfRate(bytes: typeof received, words: string): Query {
  return {
    expression: divide(rate(value(bytes), window), value(portRate)),
    legend: `${perPort} ${words}`,
  };
}

const state: Row = {
  title: "Are the ways open",
  panels: [
    total(
      "Worst RDMA port",
      "none",
      "The state of the port that is furthest from active; ports that nobody has cabled count.",
      aggregate("min", ["job"], value(linkState)),
      { states: portStates },
    ),
    totalGain(
      "Given up, in the time shown",
      "RDMA requests that the other side never acknowledged: each ends a connection, and mostly a job.",
      { metric: rdma.retriesExceeded },
      { critical: 1 },
    ),
    total(
      "Busiest link",
      "percentunit",
      "The highest use of a link's speed in one direction.",
      aggregate("max", ["job"], value(betweenReadings.networkUtilization)),
      { warning: 0.9, maximum: 1 },
    ),
    total(
      "PCI lanes lost",
      "short",
      "Lanes that devices and the ports above them have and don't use, over all links.",
      subtract(
        aggregate("sum", ["job"], value(pci.linkWidthMaximum)),
        aggregate("sum", ["job"], value(pci.linkWidth)),
      ),
      { warning: 1 },
    ),
    totalGain(
      "Uncorrected PCI errors, in the time shown",
      "Errors that PCI devices reported and no link could put right.",
      { metric: pci.errors, match: { error_class: { excludes: /correctable/ } } },
      { critical: 1 },
    ),
    total(
      "Most TCP sent again",
      "percentunit",
      "The highest share of any node: above a hundredth the path loses packets or is congested.",
      aggregate("max", ["job"], value(betweenReadings.tcpRetransmits)),
      { warning: 0.01 },
    ),
    timeline(
      "RDMA ports",
      "State of each port's link. A port that is initialising waits for the subnet manager.",
      portStates,
      [course({ metric: linkState })],
      { width: 24, rules: [portDown] },
    ),
  ],
};

const saturation: Row = {
  title: "How full they are",
  panels: [
    lines(
      "RDMA ports in use",
      "percentunit",
      "Share of each port's speed, by direction. Ports of one node carry the same in a collective: one that carries less has lost its rail.",
      [shareOfRate(received, "received"), shareOfRate(sent, "sent")],
      { maximum: 1 },
    ),
    trend(
      "Congestion notices",
      "A second: packets that a switch marked, notices sent for them, and notices that slowed this port down. The sender to blame is the one that handles many.",
      [
        { metric: rdma.ecnMarked, words: "marked" },
        { metric: rdma.cnpSent, words: "notices sent" },
        { metric: rdma.cnpHandled, words: "slowed down" },
        { metric: rdma.cnpIgnored, words: "ignored" },
      ],
    ),
    trend(
      "Network links in use",
      "Share of each link's speed in the last second or more, by direction.",
      [betweenReadings.networkUtilization],
      { maximum: 1, warning: 0.9 },
    ),
  ],
};

const errors: Row = {
  title: "What is lost and sent again",
  panels: [
    lines(
      "Out of sequence",
      "percentunit",
      "Share of a port's packets before which one is missing: a lossless fabric has none.",
      one(
        divide(rate(value(rdma.outOfSequence), window), rate(value(packetsReceived), window)),
        perPort,
      ),
      { rules: [rdmaOutOfSequence] },
    ),
    trend(
      "Sent again",
      "Retransmissions a second: by the driver's count, by the adaptive algorithm, and its time-outs and slow starts.",
      [
        { metric: rdma.retransmits, words: "all" },
        { metric: rdma.adaptiveRetransmits, words: "adaptive" },
        { metric: rdma.adaptiveRetransmitTimeouts, words: "adaptive time-outs" },
        { metric: rdma.slowRestarts, words: "slow starts" },
      ],
    ),
    trend(
      "Not acknowledged",
      "A second, seen from the sender: acknowledgements that came too late, and requests given up. The way there or back loses packets.",
      [
        { metric: rdma.acknowledgementTimeouts, words: "late" },
        { metric: rdma.retriesExceeded, words: "given up" },
      ],
      { critical: 1 },
    ),
    trend(
      "Asked to send again",
      "A second: the other side found a gap, an answer to a read was lost, or a request came twice.",
      [
        { metric: rdma.sequenceErrors, words: "gaps" },
        { metric: rdma.impliedSequenceErrors, words: "reads lost" },
        { metric: rdma.duplicateRequests, words: "came twice" },
      ],
    ),
    trend(
      "Receivers that were not ready",
      "A second: the receiver had no buffer posted, so packets were dropped or the sender told to wait. The program at the other end is late, not the network.",
      [
        { metric: rdma.receiverNotReady, words: "told to wait" },
        { metric: rdma.bufferDrops, words: "dropped" },
      ],
    ),
    trend(
      "Noise and flaps",
      "Symbol errors a second, and times that a port's link went down: cable, transceiver or switch port.",
      [
        { metric: symbolErrors, words: "symbol errors" },
        { metric: linkDowned, words: "went down" },
      ],
      { warning: 1 },
    ),
    lines(
      "Errors of network devices",
      "cps",
      "Packets a second with an error, received or sent, without the loopback.",
      [
        {
          expression: rate(value(network.receiveErrors, { device: { excludes: /lo/ } }), window),
          legend: "{{instance}} {{device}} received",
        },
        {
          expression: rate(value(network.transmitErrors, { device: { excludes: /lo/ } }), window),
          legend: "{{instance}} {{device}} sent",
        },
      ],
      { width: 12, needsFault: { kind: "nic_loss" } },
    ),
    trend(
      "TCP segments sent again",
      "Share of the segments that a node sent that it had sent before: storage, checkpoints and rendezvous go over TCP.",
      [betweenReadings.tcpRetransmits],
      { width: 12, warning: 0.01 },
    ),
  ],
};

const buses: Row = {
  title: "PCI Express",
  panels: [
    lines(
      "Lanes in use",
      "percentunit",
      "Share of the lanes that both ends of a link have. Never below 100 % to save power: reseat the card or its riser.",
      one(divide(value(pci.linkWidth), value(pci.linkWidthMaximum)), perDevice),
      { maximum: 1, rules: [pciLinkDegraded] },
    ),
    lines(
      "Speed in use",
      "percentunit",
      "Share of the transfers a second that both ends of a link can do. An idle GPU lowers it; a network adapter or drive doesn't.",
      one(divide(value(pci.linkSpeed), value(pci.linkSpeedMaximum)), perDevice),
      { maximum: 1 },
    ),
    trend(
      "Errors by class",
      "Errors a second that devices reported. Correctable ones cost time only; many of them are a connection that wears out.",
      [pci.errors],
      { rules: [pciErrors] },
    ),
    trend(
      "Errors by type",
      "Which error it was: BadTLP, BadDLLP and replays are the wire, Timeout is the device behind it.",
      [pci.errorsByType],
      { width: 24 },
    ),
  ],
};

const parts: Row = {
  title: "What hangs where",
  collapsed: true,
  panels: [
    table(
      "Ways from GPUs to adapters",
      "The narrowest thing that a GPU shares with each network adapter: a switch is best; over the memory node every byte crosses the processors.",
      pci.gpuNicPath,
      ["device", "nic", "name", "scope"],
      { width: 12 },
    ),
    table(
      "Devices",
      "Where each device hangs, and the processors that are near it: pin its process there.",
      pci.locality,
      ["device", "kind", "name", "numa_node", "cpus", "parent"],
      { width: 12 },
    ),
    table(
      "Network adapters",
      "Driver, kind and speed of each interface that is hardware.",
      inventory.nicInfo,
      ["device", "driver", "type", "speed"],
      { width: 12 },
    ),
    table(
      "RDMA adapters",
      "Board and firmware: nodes of one job should have the same.",
      fabric.infinibandInfo,
      ["device", "board_id", "firmware_version", "hca_type"],
      { width: 12 },
    ),
    total(
      "PCI devices left out",
      "short",
      "Devices over the bound of the source; what they report isn't seen here.",
      aggregate("sum", ["job"], value(pci.devicesLeftOut)),
      { warning: 1 },
    ),
  ],
};

export const fabricBoard: Board = {
  uid: "warpwatch-fabric",
  title: "Warpwatch / Fabric and buses",
  description:
    "Whether GPUs reach each other: RDMA ports, network links and PCI Express, from state to cause.",
  instancesOf: self.sourceUp,
  marks: [kernelMark],
  rows: [state, saturation, errors, buses, parts],
};
