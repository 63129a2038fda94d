/** Devices: what is measured and may fail, and where it stands. */

export type DeviceKind = "node" | "gpu" | "mig" | "nvlink" | "nic" | "drive" | "fan" | "filesystem";

/** Where a device stands. Comes from Kubernetes labels, DMI or a file; empty strings where nobody has said. */
export interface Place {
  readonly cluster: string;
  readonly region: string;
  readonly rack: string;
  readonly chassis: string;
  readonly slot: string;
}

export interface Device {
  readonly kind: DeviceKind;
  /** Stable across restarts and renumbering: a GPU's UUID, a NIC's name within its node. */
  readonly id: string;
  /** The node that holds it. */
  readonly node: string;
  /** What people call it on its node: `gpu3`, `eth0`. */
  readonly name: string;
  readonly model: string;
  readonly place: Place;
}

export const nowhere: Place = Object.freeze({
  cluster: "",
  region: "",
  rack: "",
  chassis: "",
  slot: "",
});
