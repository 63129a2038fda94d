/** Silences as they are kept: who wants to hear nothing of which alerts, from when to when, and why. */
import { sealText, unsealText } from "../../core/kit/sealed-text.ts";
import type { Database } from "./database.ts";

/** As in Alertmanager's API. */
export interface SilenceMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  /** False: only what doesn't match. */
  readonly isEqual: boolean;
}

export interface Silence {
  readonly id: string;
  readonly matchers: readonly SilenceMatcher[];
  readonly startsAtMilliseconds: number;
  readonly endsAtMilliseconds: number;
  readonly updatedAtMilliseconds: number;
  readonly createdBy: string;
  readonly comment: string;
}

export interface SilenceStore {
  /** Without those that were damaged on disk: what they kept quiet is told. */
  load(): Silence[];
  /** Durable when it returns, or with the transaction that it is part of. */
  save(silence: Silence): void;
  /** Takes out those that ended before, and the oldest of those that ended when there are too many. Says whether any went. */
  prune(now: number): boolean;
}

const keepMilliseconds = 90 * 24 * 3_600_000;
/** Of silences that are over. */
const maximumEnded = 10_000;

export function createSilenceStore(database: Database): SilenceStore {
  const { sqlite } = database;
  const select = sqlite.prepare("SELECT id, body FROM silence ORDER BY ends_at, id");
  const upsert = sqlite.prepare("INSERT OR REPLACE INTO silence VALUES (?, ?, ?)");
  const remove = sqlite.prepare(
    `DELETE FROM silence WHERE ends_at < max(?1, ifnull((
       SELECT ends_at FROM silence WHERE ends_at < ?2
       ORDER BY ends_at DESC LIMIT 1 OFFSET ${maximumEnded - 1}), 0))`,
  );

  function sound(row: Record<string, unknown>): Silence[] {
    const silence = decode(String(row["body"]));
    if (silence === null)
      database.noteDamage(
        `silence ${String(row["id"])} was damaged on disk, and what it kept quiet is told: make it anew`,
      );
    return silence === null ? [] : [silence];
  }

  return {
    load: () => select.all().flatMap(sound),
    save: (silence) =>
      database.transaction(
        () =>
          void upsert.run(
            silence.id,
            silence.endsAtMilliseconds,
            sealText(JSON.stringify(silence)),
          ),
      ),
    prune: (now) =>
      database.transaction(() => Number(remove.run(now - keepMilliseconds, now).changes) > 0),
  };
}

/** Those of older releases have no checksum. */
function decode(stored: string): Silence | null {
  const body = unsealText(stored);
  try {
    const silence: Silence | null = body === null ? null : JSON.parse(body);
    return silence;
  } catch {
    return null;
  }
}
