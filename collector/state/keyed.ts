/** Small values kept by key, as JSON: what must survive a restart and has no table of its own (fleet membership). */
import { WarpwatchError } from "../../core/kit/errors.ts";
import { sealText, unsealText } from "../../core/kit/sealed-text.ts";
import type { Database } from "./database.ts";

export interface KeyedStore {
  /** The value as it was saved, or null where there is none that is sound; the caller checks its shape. */
  load(key: string): unknown;
  /** Durable when it returns. Throws LIMIT_REACHED over 16 MiB. */
  save(key: string, value: unknown): void;
  remove(key: string): void;
}

const maximumCharacters = 16 * 1024 * 1024;

export function createKeyedStore(database: Database): KeyedStore {
  const select = database.sqlite.prepare("SELECT body FROM keyed WHERE key = ?");
  const upsert = database.sqlite.prepare("INSERT OR REPLACE INTO keyed VALUES (?, ?)");
  const remove = database.sqlite.prepare("DELETE FROM keyed WHERE key = ?");
  return {
    load(key) {
      const row = select.get(key);
      if (row === undefined) return null;
      const body = unsealText(String(row["body"]));
      if (body === null) database.noteDamage(`what is kept as ${key} was damaged on disk`);
      return body === null ? null : JSON.parse(body);
    },
    save(key, value) {
      const body = JSON.stringify(value);
      if (body.length > maximumCharacters)
        throw new WarpwatchError(
          "LIMIT_REACHED",
          `${key} takes ${body.length} characters, over the ${maximumCharacters} that state keeps`,
        );
      database.transaction(() => upsert.run(key, sealText(body)));
    },
    remove: (key) => database.transaction(() => void remove.run(key)),
  };
}
