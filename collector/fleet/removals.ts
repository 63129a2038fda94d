/** What was taken out of the fleet on purpose, so that nothing pages for it; over when it has gone and comes back. */

export interface Removal {
  readonly node: string;
  /** A GPU's UUID; null for the whole node. */
  readonly device: string | null;
  readonly source: "file" | "request";
  readonly plannedAtMilliseconds: number;
  /** It has been away since the removal was planned. */
  gone: boolean;
}

export interface Removals {
  list(): readonly Removal[];
  plan(removal: Omit<Removal, "gone">): void;
  cancel(node: string, device: string | null): boolean;
  covers(node: string, device?: string): boolean;
  /** Says whether it is there now: true when that changed the list or a removal's state. */
  observe(node: string, device: string | null, there: boolean): boolean;
  /** Replaces those that the file planned. */
  replaceFile(removals: readonly Omit<Removal, "gone">[]): void;
}

export function createRemovals(initial: readonly Removal[]): Removals {
  const removals = new Map<string, Removal>();
  for (const removal of initial) removals.set(keyOf(removal.node, removal.device), removal);
  return {
    list: () => [...removals.values()],
    plan(removal) {
      removals.set(keyOf(removal.node, removal.device), { ...removal, gone: false });
    },
    cancel: (node, device) => removals.delete(keyOf(node, device)),
    covers: (node, device) =>
      removals.has(keyOf(node, null)) ||
      (device !== undefined && removals.has(keyOf(node, device))),
    observe(node, device, there) {
      const key = keyOf(node, device);
      const removal = removals.get(key);
      if (!removal || removal.gone === !there) return false;
      if (there && removal.source === "request") removals.delete(key);
      else removal.gone = !there;
      return true;
    },
    replaceFile(planned) {
      for (const [key, removal] of removals) if (removal.source === "file") removals.delete(key);
      for (const removal of planned)
        removals.set(keyOf(removal.node, removal.device), { ...removal, gone: false });
    },
  };
}

function keyOf(node: string, device: string | null): string {
  return device === null ? node : `${node}\u0000${device}`;
}
