/** The GPUs seen since the source was opened, and how the rows of a round belong to them. */
import type { GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import type { Row } from "./nvidia-smi-rounds.ts";

export interface KnownGpu {
  identity: GpuIdentity;
  serial: string;
  vbiosVersion: string;
  /** Its row of the newest round; undefined when the round had none or the driver called it lost. */
  row: Row | undefined;
}

export interface Roster {
  readonly gpus: readonly KnownGpu[];
  /** Rises when a GPU is new or what its labels say has changed. */
  readonly version: number;
  /** Takes a round; returns the GPUs that were there in the round before and no longer are. */
  take(rows: readonly Row[]): KnownGpu[];
}

/** A node holds far fewer; identities made up by a broken driver must not pile up. */
const maximumGpus = 64;

export function createRoster(node: string): Roster {
  let gpus: KnownGpu[] = [];
  let version = 0;

  function admit(row: Row): KnownGpu | undefined {
    const identity = identify(node, row);
    if (identity.uuid === "") return undefined;
    // Another GPU in the place of one that is gone: that one was exchanged and is missed no more.
    gpus = gpus.filter(
      (gpu) => identity.pciBusId === "" || gpu.identity.pciBusId !== identity.pciBusId,
    );
    if (gpus.length >= maximumGpus) return undefined;
    const gpu = { identity, serial: row.serial, vbiosVersion: row.vbiosVersion, row: undefined };
    gpus.push(gpu);
    version += 1;
    return gpu;
  }

  function renew(gpu: KnownGpu, row: Row): void {
    const identity = identify(node, row);
    const same =
      JSON.stringify([identity, row.serial, row.vbiosVersion]) ===
      JSON.stringify([gpu.identity, gpu.serial, gpu.vbiosVersion]);
    if (same) return;
    gpu.identity = identity;
    gpu.serial = row.serial;
    gpu.vbiosVersion = row.vbiosVersion;
    version += 1;
  }

  return {
    get gpus() {
      return gpus;
    },
    get version() {
      return version;
    },
    take(rows) {
      const before = gpus.filter((gpu) => gpu.row !== undefined);
      for (const gpu of gpus) gpu.row = undefined;
      const lostAtOnce: KnownGpu[] = [];
      for (const row of rows) {
        const known = find(gpus, row);
        const gpu = known ?? admit(row);
        if (!gpu) continue;
        if (row.lost) {
          if (!known) lostAtOnce.push(gpu);
          continue;
        }
        if (row.uuid !== "") renew(gpu, row);
        gpu.row = row;
      }
      return [...before.filter((gpu) => gpu.row === undefined), ...lostAtOnce];
    },
  };
}

/** By UUID; a GPU that no longer tells its own is known by its place. */
function find(gpus: readonly KnownGpu[], row: Row): KnownGpu | undefined {
  if (row.uuid !== "") return gpus.find((gpu) => gpu.identity.uuid === row.uuid);
  return gpus.find((gpu) =>
    row.pciBusId === "" ? gpu.identity.index === row.index : gpu.identity.pciBusId === row.pciBusId,
  );
}

/** A GPU whose UUID was never told goes by its place on the bus. */
function identify(node: string, row: Row): GpuIdentity {
  const { index, pciBusId, model, driverVersion } = row;
  return { node, index, uuid: row.uuid || pciBusId, pciBusId, model, driverVersion };
}
