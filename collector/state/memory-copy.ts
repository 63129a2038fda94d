/**
 * State that can't be written goes on in memory: every table gets a temporary one of its name, which SQLite finds first, so
 * that all statements work on it as they are. What it holds is put back in one transaction.
 * (SQLite: "CREATE TABLE", temporary tables; "Database names"; temp_store.)
 */
import type { DatabaseSync } from "node:sqlite";

/** Too large for memory, and only ever added to: its temporary table begins empty. */
const growing: ReadonlySet<string> = new Set(["audit"]);

/** To be called outside of a transaction, with `temp_store = MEMORY`. */
export function copyToMemory(sqlite: DatabaseSync): void {
  inTransaction(sqlite, () => {
    const tables = tablesOf(sqlite);
    for (const { name, sql } of tables) {
      sqlite.exec(sql.replace(/^CREATE TABLE/i, "CREATE TEMP TABLE"));
      if (!growing.has(name))
        sqlite.exec(`INSERT INTO temp."${name}" SELECT * FROM main."${name}"`);
    }
    for (const { sql } of entriesOf(sqlite, "main", "index"))
      sqlite.exec(sql.replace(/^CREATE (UNIQUE )?INDEX /i, "CREATE $1INDEX temp."));
    if (hasSequences(sqlite))
      sqlite.exec(
        `DELETE FROM temp.sqlite_sequence;
         INSERT INTO temp.sqlite_sequence SELECT * FROM main.sqlite_sequence`,
      );
  });
}

/** Throws as long as it can't be written; then everything goes on in memory. */
export function copyToDisk(sqlite: DatabaseSync): void {
  const tables = entriesOf(sqlite, "temp", "table").map(({ name }) => name);
  inTransaction(sqlite, () => {
    for (const name of tables) {
      if (!growing.has(name)) sqlite.exec(`DELETE FROM main."${name}"`);
      const way = growing.has(name) ? "INSERT OR IGNORE" : "INSERT";
      sqlite.exec(`${way} INTO main."${name}" SELECT * FROM temp."${name}"`);
    }
    if (hasSequences(sqlite))
      sqlite.exec(
        `DELETE FROM main.sqlite_sequence;
         INSERT INTO main.sqlite_sequence SELECT * FROM temp.sqlite_sequence`,
      );
  });
  for (const name of tables) sqlite.exec(`DROP TABLE temp."${name}"`);
}

interface Entry {
  readonly name: string;
  readonly sql: string;
}

function tablesOf(sqlite: DatabaseSync): Entry[] {
  return entriesOf(sqlite, "main", "table");
}

function entriesOf(
  sqlite: DatabaseSync,
  schema: "main" | "temp",
  type: "table" | "index",
): Entry[] {
  return sqlite
    .prepare(
      `SELECT name, sql FROM ${schema}.sqlite_schema WHERE type = ? AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'`,
    )
    .all(type)
    .map((row) => ({ name: String(row["name"]), sql: String(row["sql"]) }));
}

function hasSequences(sqlite: DatabaseSync): boolean {
  const row = sqlite
    .prepare("SELECT 1 FROM temp.sqlite_schema WHERE name = 'sqlite_sequence'")
    .get();
  return row !== undefined;
}

function inTransaction(sqlite: DatabaseSync, work: () => void): void {
  sqlite.exec("BEGIN IMMEDIATE");
  try {
    work();
    sqlite.exec("COMMIT");
  } catch (thrown) {
    if (sqlite.isTransaction) sqlite.exec("ROLLBACK");
    throw thrown;
  }
}
