/** Which GPU a device plug-in means by an id: forms of NVIDIA's k8s-device-plugin and of GKE's. */
import type { GpuIdentity } from "../../core/catalog/gpu-labels.ts";

export interface MeantDevice {
  /** `GPU-…` or `MIG-…`; a GPU that is only known by its index gets its UUID from the directory. */
  readonly uuid: string;
  /** The GPU instance within it; empty where the whole of it is meant. */
  readonly gpuInstance: string;
  /** The number of its share, where the GPU is handed out several times; empty where it isn't. */
  readonly replica: string;
}

/** Undefined for an id that isn't a GPU's. */
export function parseDeviceId(id: string, gpus: readonly GpuIdentity[]): MeantDevice | undefined {
  const [whole = "", replica = ""] = id.split("::");
  if (/^(?:GPU|MIG)-[0-9a-f-]+$/i.test(whole)) return { uuid: whole, gpuInstance: "", replica };
  const legacy = /^MIG-(GPU-[0-9a-f-]+)\/(\d+)\/\d+$/i.exec(whole);
  if (legacy) return { uuid: legacy[1] ?? "", gpuInstance: legacy[2] ?? "", replica };
  const numbered = /^nvidia(\d+)(?:\/gi(\d+))?(?:\/vgpu(\d+))?$/.exec(whole);
  if (!numbered) return undefined;
  const [, index, gpuInstance = "", share = replica] = numbered;
  const gpu = gpus.find((each) => String(each.index) === index);
  return gpu && { uuid: gpu.uuid, gpuInstance, replica: share };
}
