/** Muting and the audit log, put together: silences, maintenance windows, inhibition, their upkeep, metrics and routes. */
import { hash } from "node:crypto";
import { inhibitions as pairs } from "../../alerts/inhibition.ts";
import { muting } from "../../core/catalog/index.ts";
import { every } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { version } from "../../core/kit/version.ts";
import { createAlertmanagerRoutes } from "../api/alertmanager.ts";
import { createAuditRoutes } from "../api/audit.ts";
import { createMaintenanceRoutes } from "../api/maintenance.ts";
import { createQuiet, type Quiet } from "../api/quiet.ts";
import type { ApiRoute } from "../api/routes.ts";
import { createSilenceRoutes } from "../api/silences.ts";
import { createInhibitions } from "../notify/mute/inhibition.ts";
import { createMaintenance, type Maintenance } from "../notify/mute/maintenance.ts";
import { createMutes, type AllMutes } from "../notify/mute/mutes.ts";
import { createSilences, type Silences } from "../notify/mute/silences.ts";
import type { Alert, AlertStep } from "../state/alert.ts";
import type { AuditEntry } from "../state/audit.ts";
import { createDroppedEntries } from "../state/audit-dropped.ts";
import type { State } from "../state/open.ts";
import type { CollectorOptions } from "./options.ts";

export interface Muting {
  readonly quiet: Quiet;
  readonly mutes: AllMutes;
  /** Of each step before anybody asks whether its alerts are muted: within its transaction, where the audit log tells of it. */
  observe(step: AlertStep, dropped: readonly Alert[]): void;
  /** What is done each hour. */
  prune(): void;
  /** For the log, each day: whoever keeps the log elsewhere has the chain's head with it. */
  tellHead(): void;
  routes(alerts: () => readonly Alert[]): ApiRoute[];
  close(): void;
}

export interface MutingOptions {
  readonly options: CollectorOptions;
  readonly state: State;
  readonly metrics: SelfMetrics;
  readonly receivers: readonly string[];
}

const samplePeriodMilliseconds = 10_000;

export function openMuting({ options, state, metrics, receivers }: MutingOptions): Muting {
  const { env, log, config } = options;
  const { clock } = env;
  const { audit } = state;
  const silences = createSilences({
    store: state.silences,
    audit,
    transaction: (work) => state.transaction(work),
    clock,
    randomId: () => env.randomId(),
  });
  const maintenance = createMaintenance(config.maintenance);
  const inhibitions = createInhibitions(pairs);
  inhibitions.observe(state.alerts.load());
  audit.record(entryOfStart(options));
  const droppedEntries = createDroppedEntries(clock, audit);
  const mutes = createMutes({ silences, maintenance, inhibitions });
  const sample = createMeter({
    state,
    silences,
    maintenance,
    mutes,
    metrics,
    now: () => clock.now(),
  });
  const timer = every(clock, samplePeriodMilliseconds, () => {
    try {
      sample();
    } catch (thrown) {
      log.error(`muting can't be measured: ${describeError(thrown)}`);
    }
  });
  return {
    quiet: createQuiet({ silences, maintenance, mutes, incidents: state.incidents }),
    mutes,
    observe(step, dropped) {
      inhibitions.observe(step.changed, step.dropped);
      droppedEntries.note(dropped);
      for (const alert of step.notify) audit.record(entryOf(alert));
    },
    prune() {
      droppedEntries.flush();
      silences.prune();
      audit.prune();
    },
    tellHead() {
      const { sequence, hash } = audit.head();
      log.info("the audit log's head: kept elsewhere, it tells later whether the log was cut off", {
        head: `${sequence}:${hash}`,
      });
    },
    routes: (alerts) => [
      ...createSilenceRoutes({ silences, alerts }),
      ...createAlertmanagerRoutes({ clock, alerts, mutes, receivers }),
      ...createMaintenanceRoutes({ clock, maintenance }),
      ...createAuditRoutes({
        clock,
        audit,
        isApart: () => state.endurance.phase === "memory",
      }),
    ],
    close() {
      timer.cancel();
      try {
        droppedEntries.flush();
      } catch (thrown) {
        log.error(`the audit log lacks pending alerts that dropped: ${describeError(thrown)}`);
      }
    },
  };
}

/** A collector takes its configuration when it starts: another digest is another configuration. */
function entryOfStart({ config }: CollectorOptions): AuditEntry {
  const digest = hash("sha256", JSON.stringify(config)).slice(0, 16);
  return {
    kind: "action",
    actor: "collector",
    subject: "collector",
    details: { action: "started", version, configuration: digest },
  };
}

function entryOf({ fingerprint, rule, labels, state, value }: Alert): AuditEntry {
  const { node = "", severity = "" } = labels;
  return {
    kind: "alert",
    actor: "collector",
    subject: fingerprint,
    details: { state, rule, node, severity, value },
  };
}

interface MeterParts {
  readonly state: Pick<State, "alerts" | "audit">;
  readonly silences: Silences;
  readonly maintenance: Maintenance;
  readonly mutes: AllMutes;
  readonly metrics: SelfMetrics;
  readonly now: () => number;
}

/** Shows zeros from the start; returns what brings it up to date. */
function createMeter({ state, silences, maintenance, mutes, metrics, now }: MeterParts) {
  const silenced = metrics.gauge(muting.silences);
  const muted = metrics.gauge(muting.mutedAlerts);
  const dropped = metrics.counter(muting.auditDropped);
  let shown = 0;
  metrics.gauge(muting.auditSequence, () => state.audit.head().sequence);
  metrics.gauge(muting.auditEntries, () => state.audit.entries());
  metrics.gauge(
    muting.maintenanceWindowsOpen,
    () => maintenance.windows(now()).filter(({ active }) => active !== null).length,
  );

  function sample(): void {
    const all = silences.list().map((silence) => silences.stateOf(silence));
    for (const wanted of ["active", "pending"] as const)
      silenced.set({ state: wanted }, all.filter((one) => one === wanted).length);
    const counts = { silence: 0, maintenance: 0, inhibition: 0 };
    for (const alert of state.alerts.load()) {
      const mute = alert.state === "firing" ? mutes.find(alert, now()) : null;
      if (mute) counts[mute.kind] += 1;
    }
    for (const [reason, count] of Object.entries(counts)) muted.set({ reason }, count);
    dropped.increase({}, state.audit.dropped() - shown);
    shown = state.audit.dropped();
  }
  sample();
  return sample;
}
