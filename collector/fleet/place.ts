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

/** Where nodes stand, in words, for the alerts about them. */
export interface Places {
  /** `region eu-1, rack r7`; empty where nobody has said. */
  of(node: string): string;
  set(node: string, place: NodePlace): void;
  forget(node: string): void;
}

export function createPlaces(): Places {
  const words = new Map<string, string>();
  return {
    of: (node) => words.get(node) ?? "",
    set(node, place) {
      const { cluster, region, zone, rack, chassis, slot } = place;
      const named = Object.entries({ cluster, region, zone, rack, chassis, slot })
        .filter(([, value]) => value !== "")
        .map(([name, value]) => `${name} ${value}`);
      if (named.length > 0) words.set(node, named.join(", "));
      else words.delete(node);
    },
    forget: (node) => void words.delete(node),
  };
}
