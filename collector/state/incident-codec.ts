/**
 * Incidents as rows of the state file. The body has the whole incident and its checksum (CRC-32), so that a bit that flips in it
 * or in a column beside it is found.
 */
import { sealText, unsealText } from "../../core/kit/sealed-text.ts";
import type { Incident } from "./incident.ts";

type Row = Record<string, unknown>;

/** In the order of the table's columns. */
export function rowOf(incident: Incident): (string | number | null)[] {
  const { notifier, key, kind, state, dueMilliseconds, openedAtMilliseconds } = incident;
  const body = sealText(JSON.stringify(incident));
  return [notifier, key, kind, state, dueMilliseconds, openedAtMilliseconds, body];
}

/** Null when it was damaged on disk. */
export function incidentOf(row: Row): Incident | null {
  const body = unsealText(String(row["body"]));
  if (body === null) return null;
  const columns = {
    notifier: row["notifier"],
    key: row["key"],
    kind: row["kind"],
    state: row["state"],
    dueMilliseconds: row["due"],
    openedAtMilliseconds: row["opened_at"],
  };
  try {
    const kept: Incident = JSON.parse(body);
    // In older releases what has a column was there alone, and there was no checksum.
    const incident: Incident = { ...columns, ...kept };
    const names = Object.keys(columns) as (keyof typeof columns)[];
    return names.every((name) => incident[name] === columns[name]) ? incident : null;
  } catch {
    return null;
  }
}
