/** What a network interface's driver tells of itself, under node_exporter's names: the kernel's ethtool interface. */
import { defineFamily, defineMetric, type Metric } from "./metric.ts";

export const driverInfo = defineMetric({
  name: "node_ethtool_info",
  kind: "info",
  help: "Driver, firmware and bus address of a network interface.",
  labels: ["bus_info", "device", "driver", "expansion_rom_version", "firmware_version", "version"],
  sampling: "steady",
  compatibilityOnly: true,
});

/** Keys are drivers' own names with `rx` and `tx` written out; a driver of many queues has thousands. */
export const driverStatistics = defineFamily({
  pattern: "node_ethtool_{key}",
  kind: "counter",
  help: "{key} as the network interface's driver counts it.",
  labels: ["device"],
  sampling: "steady",
  maximumKeys: 10_000,
  compatibilityOnly: true,
});

export const supportedPort = defineMetric({
  name: "node_network_supported_port_info",
  kind: "info",
  help: "Kinds of port that the network interface supports.",
  labels: ["device", "type"],
  sampling: "steady",
  compatibilityOnly: true,
});

export const supportedSpeed = defineSpeed(
  "node_network_supported_speed_bytes",
  "Speed of each mode that the network interface supports, in bytes per second.",
);
export const advertisedSpeed = defineSpeed(
  "node_network_advertised_speed_bytes",
  "Speed of each mode that the network interface offers its peer, in bytes per second.",
);

export const autonegotiate = defineAbility(
  "node_network_autonegotiate",
  "Whether the network interface negotiates speed and duplex with its peer: 1 or 0.",
);
export const autonegotiateSupported = defineAbility(
  "node_network_autonegotiate_supported",
  "Whether the network interface can negotiate: 1 or 0.",
);
export const pauseSupported = defineAbility(
  "node_network_pause_supported",
  "Whether the network interface can send pause frames: 1 or 0.",
);
export const asymmetricPauseSupported = defineAbility(
  "node_network_asymmetricpause_supported",
  "Whether the network interface can pause one way only: 1 or 0.",
);
export const autonegotiateAdvertised = defineAbility(
  "node_network_autonegotiate_advertised",
  "Whether the network interface offers its peer to negotiate: 1 or 0.",
);
export const pauseAdvertised = defineAbility(
  "node_network_pause_advertised",
  "Whether the network interface offers its peer pause frames: 1 or 0.",
);
export const asymmetricPauseAdvertised = defineAbility(
  "node_network_asymmetricpause_advertised",
  "Whether the network interface offers its peer to pause one way only: 1 or 0.",
);

function defineSpeed(name: string, help: string): Metric<"device" | "duplex" | "mode"> {
  return defineMetric({
    name,
    kind: "gauge",
    unit: "bytes_per_second",
    help,
    labels: ["device", "duplex", "mode"],
    sampling: "steady",
    compatibilityOnly: true,
  });
}

function defineAbility(name: string, help: string): Metric<"device"> {
  return defineMetric({
    name,
    kind: "gauge",
    help,
    labels: ["device"],
    sampling: "steady",
    compatibilityOnly: true,
  });
}
