/** InfiniBand, RoCE and Fibre Channel adapters, under node_exporter's names: /sys/class/infiniband and fc_host. */
import { defineFamily, defineMetric } from "./metric.ts";

export const infinibandInfo = defineMetric({
  name: "node_infiniband_info",
  kind: "info",
  help: "Board, firmware and kind of each RDMA adapter.",
  labels: ["device", "board_id", "firmware_version", "hca_type"],
  sampling: "steady",
  compatibilityOnly: true,
});
/** Keys tell what is counted, with `_total`; states and rates are gauges. */
export const infinibandPort = defineFamily({
  pattern: "node_infiniband_{key}",
  kind: "counter",
  help: "{key} of each port of an RDMA adapter, as the port counts it.",
  labels: ["device", "port"],
  maximumKeys: 200,
  sampling: "steady",
  compatibilityOnly: true,
});
export const fibreChannelInfo = defineMetric({
  name: "node_fibrechannel_info",
  kind: "info",
  help: "Names, speeds and state of each Fibre Channel port.",
  labels: [
    "fc_host",
    "speed",
    "port_state",
    "port_type",
    "port_id",
    "port_name",
    "fabric_name",
    "symbolic_name",
    "supported_classes",
    "supported_speeds",
    "dev_loss_tmo",
  ],
  sampling: "steady",
  compatibilityOnly: true,
});
export const fibreChannelPort = defineFamily({
  pattern: "node_fibrechannel_{key}",
  kind: "counter",
  help: "{key} of each Fibre Channel port, as the adapter counts it.",
  labels: ["fc_host"],
  maximumKeys: 50,
  sampling: "steady",
  compatibilityOnly: true,
});
