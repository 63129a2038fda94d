/** What only two readings together tell: latencies of disks, use of network links, TCP retransmissions. */
import { defineMetric } from "./metric.ts";

export const diskLatency = defineMetric({
  name: "warpwatch_disk_latency_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "How long requests took, queue included: each counts with the mean of those that ended between the same two readings.",
  labels: ["device", "direction"],
  buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
});
export const networkUtilization = defineMetric({
  name: "warpwatch_network_utilization_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Share of the link's speed that was used in the last second or more, by direction (receive, transmit).",
  labels: ["device", "direction"],
});
export const tcpRetransmits = defineMetric({
  name: "warpwatch_tcp_retransmit_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Share of the TCP segments sent since the last reading that had been sent before.",
  sampling: "steady",
});
