/** Retransmission and congestion on RDMA ports, under one name whatever the adapter: the drivers' hw_counters in /sys/class/infiniband. */
import { defineMetric, type Metric } from "./metric.ts";

type PortMetric = Metric<"device" | "port">;

function portCounter(name: string, help: string): PortMetric {
  return defineMetric({
    name: `warpwatch_rdma_${name}_total`,
    kind: "counter",
    help,
    labels: ["device", "port"],
    sampling: "steady",
  });
}

export const cnpSent = portCounter(
  "cnp_sent",
  "Congestion notifications that the port sent because packets came in marked.",
);
export const cnpHandled = portCounter(
  "cnp_handled",
  "Congestion notifications that made the port send more slowly.",
);
export const cnpIgnored = portCounter(
  "cnp_ignored",
  "Congestion notifications that came in and were ignored.",
);
export const ecnMarked = portCounter(
  "ecn_marked_packets",
  "RoCE packets that a switch had marked for congestion.",
);
export const outOfSequence = portCounter(
  "out_of_sequence_packets",
  "Packets that came in out of sequence: one before them was lost or overtaken.",
);
export const sequenceErrors = portCounter(
  "packet_sequence_errors",
  "Negative acknowledgements for a gap in the sequence that the port received as a sender.",
);
export const impliedSequenceErrors = portCounter(
  "implied_nak_sequence_errors",
  "Acknowledgements whose sequence number says that a read or an atomic was lost.",
);
export const duplicateRequests = portCounter(
  "duplicate_requests",
  "Requests that came in again: the sender saw no acknowledgement.",
);
export const receiverNotReady = portCounter(
  "rnr_nak_received",
  "Receiver-not-ready answers that the port received as a sender.",
);
export const acknowledgementTimeouts = portCounter(
  "local_ack_timeouts",
  "Acknowledgements that didn't come in time.",
);
export const retransmits = portCounter(
  "retransmits",
  "Packets that the port sent again, by drivers that count them.",
);
export const adaptiveRetransmits = portCounter(
  "adaptive_retransmits",
  "Retransmissions that the port's adaptive algorithm made.",
);
export const adaptiveRetransmitTimeouts = portCounter(
  "adaptive_retransmit_timeouts",
  "Time-outs that the port's adaptive retransmission took for a congested path.",
);
export const slowRestarts = portCounter(
  "slow_restarts",
  "Slow starts that the port made after it had been silent.",
);
export const retriesExceeded = portCounter(
  "retries_exceeded",
  "Requests that were given up: the other side never acknowledged them.",
);
export const bufferDrops = portCounter(
  "receive_buffer_drops",
  "Packets dropped because the queue pair had no receive buffer posted.",
);
