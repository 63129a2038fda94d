/** Network interfaces, under node_exporter's names: /proc/net/dev, as net/core/net-procfs.c prints it. */
import { defineMetric } from "./metric.ts";

export const receiveBytes = defineMetric({
  name: "node_network_receive_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Bytes received.",
  labels: ["device"],
});
export const receivePackets = defineMetric({
  name: "node_network_receive_packets_total",
  kind: "counter",
  help: "Packets received.",
  labels: ["device"],
});
export const receiveErrors = defineMetric({
  name: "node_network_receive_errs_total",
  kind: "counter",
  help: "Packets received with an error.",
  labels: ["device"],
});
export const receiveDropped = defineMetric({
  name: "node_network_receive_drop_total",
  kind: "counter",
  help: "Packets received and dropped for want of room or of a taker.",
  labels: ["device"],
});
export const receiveFifoErrors = defineMetric({
  name: "node_network_receive_fifo_total",
  kind: "counter",
  help: "Overruns of the receiver's queue.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const receiveFrameErrors = defineMetric({
  name: "node_network_receive_frame_total",
  kind: "counter",
  help: "Frames received with a wrong length, checksum or alignment.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const receiveCompressed = defineMetric({
  name: "node_network_receive_compressed_total",
  kind: "counter",
  help: "Compressed packets received.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const receiveMulticast = defineMetric({
  name: "node_network_receive_multicast_total",
  kind: "counter",
  help: "Multicast packets received.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const transmitBytes = defineMetric({
  name: "node_network_transmit_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Bytes sent.",
  labels: ["device"],
});
export const transmitPackets = defineMetric({
  name: "node_network_transmit_packets_total",
  kind: "counter",
  help: "Packets sent.",
  labels: ["device"],
});
export const transmitErrors = defineMetric({
  name: "node_network_transmit_errs_total",
  kind: "counter",
  help: "Packets that could not be sent for an error.",
  labels: ["device"],
});
export const transmitDropped = defineMetric({
  name: "node_network_transmit_drop_total",
  kind: "counter",
  help: "Packets dropped before they were sent.",
  labels: ["device"],
});
export const transmitFifoErrors = defineMetric({
  name: "node_network_transmit_fifo_total",
  kind: "counter",
  help: "Underruns of the sender's queue.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const transmitCollisions = defineMetric({
  name: "node_network_transmit_colls_total",
  kind: "counter",
  help: "Collisions while sending.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const transmitCarrierErrors = defineMetric({
  name: "node_network_transmit_carrier_total",
  kind: "counter",
  help: "Packets that could not be sent for lack of a carrier.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const transmitCompressed = defineMetric({
  name: "node_network_transmit_compressed_total",
  kind: "counter",
  help: "Compressed packets sent.",
  labels: ["device"],
  compatibilityOnly: true,
});
