/** Who is who in the fleet: names, UUIDs, bus addresses and places, the same for the same seed. */
import type { Device, Place } from "../core/catalog/device.ts";
import { gpuDevice, type GpuIdentity } from "../core/catalog/gpu-labels.ts";
import type { GpuModel } from "./models.ts";
import type { RandomStreams } from "./random.ts";

export interface FleetGpu {
  readonly identity: GpuIdentity;
  readonly device: Device;
  readonly serial: string;
}

export interface FleetNode {
  readonly name: string;
  readonly device: Device;
  readonly gpus: readonly FleetGpu[];
}

/** Where the eight GPUs of a common baseboard are on the bus. */
const busNumbers = ["1B", "43", "52", "61", "9D", "C3", "D1", "DF"];
const nodesPerRack = 4;

/** `random` has a stream per GPU. */
export function createNodes(
  model: GpuModel,
  nodeCount: number,
  gpusPerNode: number,
  random: RandomStreams,
): FleetNode[] {
  const digits = Math.max(2, String(nodeCount - 1).length);
  return Array.from({ length: nodeCount }, (_, node) => {
    const name = `synthetic-${String(node).padStart(digits, "0")}`;
    const place: Place = {
      cluster: "synthetic",
      region: "lab",
      rack: `rack-${String(Math.floor(node / nodesPerRack)).padStart(digits, "0")}`,
      chassis: name,
      slot: `u${(node % nodesPerRack) * 8 + 1}`,
    };
    return {
      name,
      device: {
        kind: "node",
        id: name,
        node: name,
        name,
        model: `${gpusPerNode} × ${model.productName}`,
        place,
      },
      gpus: Array.from({ length: gpusPerNode }, (_, index) => {
        const stream = node * gpusPerNode + index;
        const identity: GpuIdentity = {
          node: name,
          index,
          uuid: `GPU-${uuid(random, stream)}`,
          pciBusId: `00000000:${busNumbers[index % 8]}:${hexadecimal(Math.floor(index / 8), 2)}.0`,
          model: model.productName,
          driverVersion: model.driverVersion,
        };
        return {
          identity,
          device: gpuDevice(identity, place),
          serial: String(1_650_000_000_000 + (random.integer(stream) % 1_000_000_000)),
        };
      }),
    };
  });
}

function uuid(random: RandomStreams, stream: number): string {
  const words = [0, 1, 2, 3].map(() => hexadecimal(random.integer(stream), 8));
  const text = words.join("");
  return [
    text.slice(0, 8),
    text.slice(8, 12),
    text.slice(12, 16),
    text.slice(16, 20),
    text.slice(20, 32),
  ].join("-");
}

function hexadecimal(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
