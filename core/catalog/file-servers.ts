/** NFS clients and servers and the kernel's load balancer, under node_exporter's names: /proc/net/rpc and /proc/net/ip_vs. */
import { defineFamily, defineMetric, type Metric } from "./metric.ts";

export const nfsPackets = defineMetric({
  name: "node_nfs_packets_total",
  kind: "counter",
  help: "Packets of the NFS client, by transport.",
  labels: ["protocol"],
  compatibilityOnly: true,
});
export const nfsConnections = defineCount(
  "node_nfs_connections_total",
  "Connections that the NFS client has made over TCP.",
);
export const nfsCalls = defineCount("node_nfs_rpcs_total", "Calls that the NFS client has made.");
export const nfsRetransmissions = defineCount(
  "node_nfs_rpc_retransmissions_total",
  "Calls that the NFS client sent again because no answer came.",
);
export const nfsAuthentications = defineCount(
  "node_nfs_rpc_authentication_refreshes_total",
  "Times the NFS client renewed its credentials.",
);
export const nfsRequests = defineMetric({
  name: "node_nfs_requests_total",
  kind: "counter",
  help: "Requests of the NFS client, by version of the protocol and procedure.",
  labels: ["proto", "method"],
  compatibilityOnly: true,
});
export const nfsdRequests = defineMetric({
  name: "node_nfsd_requests_total",
  kind: "counter",
  help: "Requests to the NFS server, by version of the protocol and procedure.",
  labels: ["proto", "method"],
  compatibilityOnly: true,
});
export const nfsdPackets = defineMetric({
  name: "node_nfsd_packets_total",
  kind: "counter",
  help: "Packets of the NFS server, by transport.",
  labels: ["proto"],
  compatibilityOnly: true,
});
export const nfsdErrors = defineMetric({
  name: "node_nfsd_rpc_errors_total",
  kind: "counter",
  help: "Calls that the NFS server refused, by reason.",
  labels: ["error"],
  compatibilityOnly: true,
});
/** Keys are node_exporter's words for the numbers of each line. */
export const nfsd = defineFamily({
  pattern: "node_nfsd_{key}",
  kind: "counter",
  help: "{key} of the NFS server.",
  maximumKeys: 30,
  compatibilityOnly: true,
});
/** Keys: connections, packets and bytes in and out. */
export const ipvs = defineFamily({
  pattern: "node_ipvs_{key}",
  kind: "counter",
  help: "{key} of the kernel's load balancer.",
  maximumKeys: 10,
  compatibilityOnly: true,
});
/** Keys: active and inactive connections, weight. */
export const ipvsBackend = defineFamily({
  pattern: "node_ipvs_backend_{key}",
  kind: "gauge",
  help: "{key} of each server behind the kernel's load balancer.",
  labels: ["local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark"],
  maximumKeys: 10,
  compatibilityOnly: true,
});

function defineCount(name: string, help: string): Metric<never> {
  return defineMetric({ name, kind: "counter", help, compatibilityOnly: true });
}
