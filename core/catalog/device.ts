/** Devices: what is measured and may fail, where it stands, and what stands beside it. */

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

/** The identity of a device across the fleet. */
export function deviceKey(device: Device): string {
  return `${device.node}/${device.kind}/${device.id}`;
}

/** Siblings share node and kind: the peers a straggler is judged against. */
export function siblingsOf(device: Device, all: Iterable<Device>): Device[] {
  const found: Device[] = [];
  for (const other of all)
    if (other.node === device.node && other.kind === device.kind && other.id !== device.id)
      found.push(other);
  return found;
}
