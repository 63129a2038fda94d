/** Parts of the host as devices: they stand where their node stands. */
import type { Device, DeviceKind } from "../../../core/catalog/device.ts";

export function partOf(host: Device, kind: DeviceKind, name: string, model = ""): Device {
  return { kind, id: name, node: host.node, name, model, place: host.place };
}
