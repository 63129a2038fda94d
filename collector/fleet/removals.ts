/** What was taken out of the fleet on purpose, so that nothing pages for it; over when it has gone and comes back. */

/** A request is over when what it names is back. File and cluster say themselves when theirs is. */
export type RemovalSource = "file" | "request" | "kubernetes";

export interface Removal {
  readonly node: string;
  /** A GPU's UUID; null for the whole node. */
  readonly device: string | null;
  readonly source: RemovalSource;
  readonly plannedAtMilliseconds: number;
  /** It has been away since the removal was planned. */
  gone: boolean;
}

type Plan = Omit<Removal, "gone">;

export interface Removals {
  readonly size: number;
  list(): readonly Removal[];
  of(node: string): readonly Removal[];
  plan(removal: Plan): void;
  cancel(node: string, device: string | null): boolean;
  covers(node: string, device?: string): boolean;
  /** Says whether it is there now: true when that changed the list or a removal's state. */
  observe(node: string, device: string | null, there: boolean): boolean;
  /** Replaces all that the file or the cluster planned; gives those that weren't planned before. */
  replace(source: RemovalSource, removals: readonly Plan[]): readonly Plan[];
}

const none: readonly Removal[] = [];

export function createRemovals(initial: readonly Removal[]): Removals {
  const byNode = new Map<string, Removal[]>();
  let size = 0;
  for (const removal of initial) add(removal);

  function add(removal: Removal): void {
    const there = byNode.get(removal.node) ?? [];
    const others = there.filter((one) => keyOf(one) !== keyOf(removal));
    byNode.set(removal.node, [...others, removal]);
    size += others.length + 1 - there.length;
  }

  function drop(node: string, isUnwanted: (removal: Removal) => boolean): boolean {
    const there = byNode.get(node) ?? [];
    const kept = there.filter((one) => !isUnwanted(one));
    if (kept.length === there.length) return false;
    if (kept.length === 0) byNode.delete(node);
    else byNode.set(node, kept);
    size += kept.length - there.length;
    return true;
  }

  return {
    get size() {
      return size;
    },
    list: () => [...byNode.values()].flat(),
    of: (node) => byNode.get(node) ?? none,
    plan: (removal) => add({ ...removal, gone: false }),
    cancel: (node, device) => drop(node, (one) => one.device === device),
    covers: (node, device) =>
      byNode.get(node)?.some((one) => one.device === null || one.device === device) ?? false,
    observe(node, device, there) {
      const turned = (byNode.get(node) ?? none).filter(
        (one) => one.device === device && one.gone === there,
      );
      for (const removal of turned) removal.gone = !there;
      if (there) drop(node, (one) => one.source === "request" && turned.includes(one));
      return turned.length > 0;
    },
    replace(source, planned) {
      const wanted = new Set(planned.map(keyOf));
      const known = new Set<string>();
      for (const removal of [...byNode.values()].flat()) {
        if (removal.source !== source) continue;
        if (wanted.has(keyOf(removal))) known.add(keyOf(removal));
        else drop(removal.node, (one) => one === removal);
      }
      const added = planned.filter((plan) => !known.has(keyOf(plan)));
      for (const plan of added) add({ ...plan, gone: false });
      return added;
    },
  };
}

function keyOf({ node, device, source }: Plan): string {
  return `${source}\u0000${node}\u0000${device ?? ""}`;
}
