/** Settings and link state of network interfaces, under node_exporter's names: /sys/class/net, as the kernel's ABI document has it. */
import { defineMetric, type Metric } from "./metric.ts";

export const interfaceInfo = defineMetric({
  name: "node_network_info",
  kind: "info",
  help: "Addresses, duplex, operational and administrative state and alias of each network interface.",
  labels: ["device", "address", "broadcast", "duplex", "operstate", "adminstate", "ifalias"],
  compatibilityOnly: true,
});
export const interfaceUp = defineInterface(
  "node_network_up",
  "1 where the operational state of the interface is up, 0 otherwise.",
);
export const carrier = defineInterface(
  "node_network_carrier",
  "1 where the interface has a physical link; absent while it is down.",
);
export const carrierChanges = defineInterface(
  "node_network_carrier_changes_total",
  "Times the link came or went: a cable, transceiver or switch port that flaps.",
  "counter",
);
export const carrierUpChanges = defineInterface(
  "node_network_carrier_up_changes_total",
  "Times the link came.",
  "counter",
);
export const carrierDownChanges = defineInterface(
  "node_network_carrier_down_changes_total",
  "Times the link went.",
  "counter",
);
export const addressAssignType = defineInterface(
  "node_network_address_assign_type",
  "Where the hardware address comes from: 0 permanent, 1 random, 2 from another interface, 3 set.",
);
export const deviceIdentifier = defineInterface(
  "node_network_device_id",
  "What tells interfaces apart that share one hardware address.",
);
export const dormant = defineInterface(
  "node_network_dormant",
  "1 where the link is there and waits for something, such as 802.1X; absent while it is down.",
);
export const interfaceFlags = defineInterface(
  "node_network_flags",
  "The flags of the interface as a number: IFF_UP is 1, IFF_PROMISC 256.",
);
export const interfaceIndex = defineInterface(
  "node_network_iface_id",
  "The number by which the kernel knows the interface.",
);
export const interfaceLink = defineInterface(
  "node_network_iface_link",
  "The number of the interface below this one; its own where there is none.",
);
export const linkMode = defineInterface(
  "node_network_iface_link_mode",
  "1 where the link becomes dormant first when it comes up, 0 otherwise.",
);
export const maximumTransmissionUnit = defineMetric({
  name: "node_network_mtu_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "The largest packet that the interface sends, in bytes.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const nameAssignType = defineInterface(
  "node_network_name_assign_type",
  "Who named the interface: 1 the kernel by number, 2 the kernel by place, 3 a program, 4 renamed.",
);
export const interfaceGroup = defineInterface(
  "node_network_net_dev_group",
  "The group that the interface was put into; 0 where nobody did.",
);
export const speed = defineMetric({
  name: "node_network_speed_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Speed of the link in bytes per second; negative where it isn't known.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const transmitQueueLength = defineInterface(
  "node_network_transmit_queue_length",
  "Packets that may wait to be sent.",
);
export const protocolType = defineInterface(
  "node_network_protocol_type",
  "What kind of network it is, as if_arp.h numbers them: 1 Ethernet, 32 InfiniBand, 772 loopback.",
);

function defineInterface(
  name: string,
  help: string,
  kind: "gauge" | "counter" = "gauge",
): Metric<"device"> {
  return defineMetric({ name, kind, help, labels: ["device"], compatibilityOnly: true });
}
