/** Opens the collector's state: alerts, incidents, outbox and keyed values in one folder, on disk after every step. */
import type { Clock } from "../../core/kit/clock.ts";
import { createAlertStore, type EmbeddedAlertStore } from "./alerts.ts";
import type { AuditKey } from "./audit-key.ts";
import { createAuditLog, type EmbeddedAuditLog } from "./audit-log.ts";
import { openDatabase, type Database } from "./database.ts";
import type { IncidentStore } from "./incident.ts";
import { createIncidentStore } from "./incidents.ts";
import { createKeyedStore, type KeyedStore } from "./keyed.ts";
import { createOutbox, type EmbeddedOutbox } from "./outbox.ts";
import { createSilenceStore, type SilenceStore } from "./silences.ts";

export interface StateOptions {
  readonly folder: string;
  readonly notifiers: readonly { readonly name: string }[];
  readonly clock: Clock;
  /** Of the audit log's chain; none if not given. */
  readonly auditKeys?: readonly AuditKey[];
  /** Notifications that wait per notifier before the bound drops some. */
  readonly outboxCapacity?: number;
}

export interface State {
  readonly alerts: EmbeddedAlertStore;
  readonly incidents: IncidentStore;
  readonly outbox: EmbeddedOutbox;
  readonly keyed: KeyedStore;
  readonly silences: SilenceStore;
  readonly audit: EmbeddedAuditLog;
  /** Runs the work in one transaction: on disk when it returns, undone when it throws. */
  readonly transaction: Database["transaction"];
  /** Rows that were damaged on disk and are left out, a sentence each, since the last call. */
  readonly takeDamage: Database["takeDamage"];
  /** What becomes of it when its disk is full. */
  readonly endurance: Database["endurance"];
  close(): void;
}

const defaultOutboxCapacity = 10_000;

/** Throws STATE_UNUSABLE when the folder can't be used or another collector uses it. */
export function openState(options: StateOptions): State {
  const database = openDatabase(options.folder);
  const audit = createAuditLog(database, { clock: options.clock, keys: options.auditKeys ?? [] });
  const outbox = createOutbox(database, {
    notifiers: options.notifiers.map(({ name }) => name),
    clock: options.clock,
    audit,
    capacity: options.outboxCapacity ?? defaultOutboxCapacity,
  });
  return {
    alerts: createAlertStore(database, outbox, options.clock),
    incidents: createIncidentStore(database),
    outbox,
    keyed: createKeyedStore(database),
    silences: createSilenceStore(database),
    audit,
    transaction: (work) => database.transaction(work),
    takeDamage: () => database.takeDamage(),
    endurance: database.endurance,
    close: () => database.close(),
  };
}
