/** Whether people are told of an alert: silences first, then maintenance windows, then what another alert explains. */
import type { Alert } from "../../state/alert.ts";
import type { Inhibitions } from "./inhibition.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Mute, Mutes } from "./mute.ts";
import { stateAt, type Silences } from "./silences.ts";

export interface MutesOptions {
  readonly silences: Pick<Silences, "matching" | "revision">;
  readonly maintenance: Pick<Maintenance, "matching" | "isOpen">;
  readonly inhibitions: Pick<Inhibitions, "find">;
}

export interface AllMutes extends Mutes {
  /** Every reason at that time, for people: the first is what `find` gives. */
  findAll(alert: Alert, timeMilliseconds: number): Mute[];
}

/** What concerns an alert as long as no silence changes: its labels never do. */
interface Concerns {
  readonly revision: number;
  readonly silences: ReturnType<Silences["matching"]>;
  readonly windows: readonly string[];
}

const maximumRemembered = 20_000;

export function createMutes({ silences, maintenance, inhibitions }: MutesOptions): AllMutes {
  const remembered = new Map<string, Concerns>();

  function concernsOf({ fingerprint, labels }: Alert): Concerns {
    const known = remembered.get(fingerprint);
    const revision = silences.revision();
    if (known?.revision === revision) return known;
    if (remembered.size >= maximumRemembered) remembered.clear();
    const concerns = {
      revision,
      silences: silences.matching(labels),
      windows: known?.windows ?? maintenance.matching(labels),
    };
    remembered.set(fingerprint, concerns);
    return concerns;
  }

  function* reasons(alert: Alert, time: number): Generator<Mute> {
    const concerns = concernsOf(alert);
    for (const silence of concerns.silences)
      if (stateAt(silence, time) === "active") yield { kind: "silence", id: silence.id };
    for (const id of concerns.windows)
      if (maintenance.isOpen(id, time)) yield { kind: "maintenance", id };
    const source = inhibitions.find(alert);
    if (source !== null) yield { kind: "inhibition", id: source };
  }

  return {
    find(alert, time) {
      for (const mute of reasons(alert, time)) return mute;
      return null;
    },
    findAll: (alert, time) => [...reasons(alert, time)],
  };
}
