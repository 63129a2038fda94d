/** Who holds which GPU: what the kubelet and the job folder said last, and the labels that follow from it. */

export interface Holder {
  /** UUID of the GPU; of the MIG instance where no GPU source knows whose part it is. */
  readonly uuid: string;
  /** The GPU instance's number, where it holds a part; empty otherwise. */
  readonly gpuInstance: string;
  /** Its share, where the GPU is handed out several times; empty otherwise. */
  readonly replica: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly job: string;
}

/** In the order of {@link holderLabelNames}. */
export type HolderLabels = readonly string[];

/** dcgm-exporter's names for them. */
export const holderLabelNames = ["pod", "namespace", "container", "vgpu", "hpc_job"] as const;

export interface Holders {
  /** What one place says, in place of what it said before; null when it says nothing any more. */
  set(place: string, holders: readonly Holder[] | null): void;
  readonly all: readonly Holder[];
  /** False while no place says anything: there is nobody to ask who holds what. */
  readonly known: boolean;
  /** Rises when the answers are no longer the same. */
  readonly revision: number;
  /**
   * The labels of a GPU's series; `instance` is the GPU instance's number, empty for the whole GPU.
   * Where several hold it, the first by name: a series can carry one, and warpwatch_gpu_holder_info lists them all.
   */
  labelsOf(uuid: string, instance: string): HolderLabels;
}

const nobody: HolderLabels = holderLabelNames.map(() => "");
/** More holders than a node's devices and their shares. */
const maximumHolders = 4096;

export function createHolders(): Holders {
  const places = new Map<string, readonly Holder[]>();
  let all: readonly Holder[] = [];
  let byDevice = new Map<string, HolderLabels>();
  let revision = 0;

  return {
    get all() {
      return all;
    },
    get known() {
      return places.size > 0;
    },
    get revision() {
      return revision;
    },
    set(place, holders) {
      const before = places.get(place) ?? null;
      if (JSON.stringify(before) === JSON.stringify(holders)) return;
      if (holders === null) places.delete(place);
      else places.set(place, holders);
      all = unique([...places.values()].flat())
        .toSorted(byName)
        .slice(0, maximumHolders);
      byDevice = labelsByDevice(all);
      revision += 1;
    },
    labelsOf: (uuid, instance) =>
      byDevice.get(keyOf(uuid, instance)) ?? byDevice.get(keyOf(uuid, "")) ?? nobody,
  };
}

/** A job's folder and the job's processes say the same of it. */
function unique(holders: readonly Holder[]): Holder[] {
  const byAll = new Map(
    holders.map((each) => [`${keyOf(each.uuid, each.gpuInstance)} ${nameOf(each)}`, each]),
  );
  return [...byAll.values()];
}

function labelsByDevice(holders: readonly Holder[]): Map<string, HolderLabels> {
  const merged = new Map<string, Holder>();
  for (const holder of holders) {
    const key = keyOf(holder.uuid, holder.gpuInstance);
    const first = merged.get(key);
    // A pod and a job can be told of the same GPU by two places.
    if (!first) merged.set(key, holder);
    else if (first.pod === "" && holder.pod !== "") merged.set(key, { ...holder, job: first.job });
    else if (first.job === "" && holder.job !== "") merged.set(key, { ...first, job: holder.job });
  }
  return new Map(
    [...merged].map(([key, { pod, namespace, container, replica, job }]) => [
      key,
      [pod, namespace, container, replica, job],
    ]),
  );
}

function keyOf(uuid: string, instance: string): string {
  return `${uuid}/${instance}`;
}

function byName(one: Holder, other: Holder): number {
  return nameOf(one).localeCompare(nameOf(other));
}

function nameOf({ namespace, pod, container, replica, job }: Holder): string {
  return [namespace, pod, container, replica, job].join("/");
}
