/** Where a node stands: from its labels in Kubernetes or from the fleet file. */
import { z } from "zod";

export interface NodePlace {
  readonly cluster: string;
  readonly region: string;
  readonly zone: string;
  readonly rack: string;
  readonly chassis: string;
  readonly slot: string;
  readonly instanceType: string;
  /** The GPUs' product, and the NVLink domain that they belong to (NVIDIA's GPU feature discovery). */
  readonly gpuProduct: string;
  readonly gpuClique: string;
}

export const noPlace: NodePlace = {
  cluster: "",
  region: "",
  zone: "",
  rack: "",
  chassis: "",
  slot: "",
  instanceType: "",
  gpuProduct: "",
  gpuClique: "",
};

const part = z.string().max(200).default("");
/** As the fleet file writes it. */
export const placeSchema = z
  .strictObject({
    cluster: part,
    region: part,
    zone: part,
    rack: part,
    chassis: part,
    slot: part,
    instance_type: part,
  })
  .transform(({ instance_type: instanceType, ...rest }): NodePlace => ({
    ...noPlace,
    ...rest,
    instanceType,
  }));

/** Of two that say something the first counts. */
export function mergePlaces(first: NodePlace, second: NodePlace): NodePlace {
  const parts = Object.keys(noPlace) as (keyof NodePlace)[];
  return Object.fromEntries(parts.map((name) => [name, first[name] || second[name]])) as Record<
    keyof NodePlace,
    string
  >;
}
