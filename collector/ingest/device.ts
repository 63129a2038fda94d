/** Which device a foreign series is about: dcgm-exporter names the GPU in the labels of each of its series. */
import { nowhere, type Device } from "../../core/catalog/device.ts";

/** One object per GPU: `known` holds those of the origin. */
export function gpuOf(
  label: (name: string) => string,
  node: string,
  known: Map<string, Device>,
): Device | null {
  const id = label("UUID");
  if (!id.startsWith("GPU-")) return null;
  const device = known.get(id) ?? {
    kind: "gpu" as const,
    id,
    node,
    name: `gpu${label("gpu")}`,
    model: label("modelName"),
    place: nowhere,
  };
  known.set(id, device);
  return device;
}
