/** The network stack as a whole, under node_exporter's names: /proc/net and connection tracking. */
import { defineFamily, defineMetric, type Metric } from "./metric.ts";

/** Keys are protocol and field, `Tcp_RetransSegs`; what isn't a count since boot is given as a gauge. */
export const protocolStatistic = defineFamily({
  pattern: "node_netstat_{key}",
  kind: "counter",
  help: "{key} of the kernel's protocol statistics: RFC 1213, RFC 4293 and Linux' extensions of them.",
  maximumKeys: 500,
  compatibilityOnly: true,
});
export const socketStatistic = defineFamily({
  pattern: "node_sockstat_{key}",
  kind: "gauge",
  help: "{key} as /proc/net/sockstat gives it: sockets by protocol and state, and their memory.",
  maximumKeys: 100,
  compatibilityOnly: true,
});
export const softnetProcessed = defineSoftnet(
  "node_softnet_processed_total",
  "Packets that each processor took from the network cards.",
);
export const softnetDropped = defineSoftnet(
  "node_softnet_dropped_total",
  "Packets that each processor dropped because its queue was full.",
);
export const softnetSqueezed = defineSoftnet(
  "node_softnet_times_squeezed_total",
  "Times each processor stopped taking packets for want of budget while there were more.",
);
export const softnetCollisions = defineSoftnet(
  "node_softnet_cpu_collision_total",
  "Times each processor had to wait for a device's transmit lock.",
);
export const softnetSteered = defineSoftnet(
  "node_softnet_received_rps_total",
  "Times each processor was woken by another to take packets.",
);
export const softnetFlowLimited = defineSoftnet(
  "node_softnet_flow_limit_count_total",
  "Packets dropped because one flow filled each processor's queue.",
);
export const softnetBacklog = defineMetric({
  name: "node_softnet_backlog_len",
  kind: "gauge",
  help: "Packets that wait in each processor's queue now.",
  labels: ["cpu"],
  compatibilityOnly: true,
});
export const udpQueues = defineMetric({
  name: "node_udp_queues",
  kind: "gauge",
  help: "Bytes that wait in the queues of all UDP sockets, by direction and version of IP.",
  labels: ["queue", "ip"],
  compatibilityOnly: true,
});
export const addressEntries = defineMetric({
  name: "node_arp_entries",
  kind: "gauge",
  help: "Neighbours in the ARP table, by interface.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const trackedConnections = defineMetric({
  name: "node_nf_conntrack_entries",
  kind: "gauge",
  help: "Connections that the firewall tracks now; new ones are dropped at the limit.",
  compatibilityOnly: true,
});
export const trackedConnectionsLimit = defineMetric({
  name: "node_nf_conntrack_entries_limit",
  kind: "gauge",
  help: "Connections that the firewall can track.",
  compatibilityOnly: true,
});
export const trackingFound = defineTracking("found", "Connections looked up and found.");
export const trackingInvalid = defineTracking(
  "invalid",
  "Packets that belong to no connection and can't begin one.",
);
export const trackingIgnored = defineTracking(
  "ignore",
  "Packets that were already tracked; newer kernels count something else in its place or nothing.",
);
export const trackingInserted = defineTracking("insert", "Connections inserted into the table.");
export const trackingInsertFailed = defineTracking(
  "insert_failed",
  "Connections that could not be inserted into the table, mostly because one like it was there.",
);
export const trackingDropped = defineTracking(
  "drop",
  "Packets dropped because their connection could not be tracked.",
);
export const trackingEarlyDropped = defineTracking(
  "early_drop",
  "Connections thrown out of the full table to make room for new ones.",
);
export const trackingSearchRestarts = defineTracking(
  "search_restart",
  "Searches begun again because the table was resized meanwhile.",
);

function defineSoftnet(name: string, help: string): Metric<"cpu"> {
  return defineMetric({ name, kind: "counter", help, labels: ["cpu"], compatibilityOnly: true });
}

/** Counts since boot, which node_exporter gives as gauges. */
function defineTracking(key: string, help: string): Metric<never> {
  const name = `node_nf_conntrack_stat_${key}`;
  return defineMetric({ name, kind: "gauge", help, compatibilityOnly: true });
}
