/** What amtool, Karma and Grafana read beside silences, by Alertmanager's API v2 (its api/v2/openapi.yaml): status, alerts, receivers. */
import type { Clock } from "../../core/kit/clock.ts";
import { version } from "../../core/kit/version.ts";
import { compilePattern } from "../../core/kit/pattern.ts";
import type { AllMutes } from "../notify/mute/mutes.ts";
import type { Mute } from "../notify/mute/mute.ts";
import type { Alert } from "../state/alert.ts";
import { byFilters, createFilter } from "./matcher-filter.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";

export interface AlertmanagerParts {
  readonly clock: Clock;
  /** Those that are pending or firing. */
  readonly alerts: () => readonly Alert[];
  readonly mutes: Pick<AllMutes, "findAll">;
  /** Names of the notifiers. */
  readonly receivers: readonly string[];
}

interface Shown {
  readonly alert: Alert;
  readonly mutes: readonly Mute[];
  readonly now: number;
}

export function createAlertmanagerRoutes(parts: AlertmanagerParts): ApiRoute[] {
  const startedAt = new Date(parts.clock.now()).toISOString();
  const receivers = parts.receivers.map((name) => ({ name }));
  return [
    get("status", () => ok(describeStatus(startedAt))),
    get("receivers", () => ok(receivers)),
    get("alerts", (query) =>
      select(parts, query, (shown) => shown.map((one) => describe(one, receivers))),
    ),
    get("alerts/groups", (query) =>
      select(parts, query, (shown) => {
        const alerts = shown.map((one) => describe(one, receivers));
        return alerts.length === 0
          ? []
          : [{ labels: {}, receiver: receivers[0] ?? noReceiver, alerts }];
      }),
    ),
  ];
}

const noReceiver = { name: "none" };
/** Alertmanager has its alerts only while they are sent to it; ours end when they end. */
const openEndMilliseconds = 3_600_000;

function select(
  { alerts, mutes, clock, receivers }: AlertmanagerParts,
  query: URLSearchParams,
  describeAll: (shown: readonly Shown[]) => object[],
): ApiAnswer {
  const now = clock.now();
  return byFilters(query, (filters) => {
    const matches = createFilter(filters);
    const wanted = (name: string): boolean => query.get(name) !== "false";
    const shown = alerts()
      .filter((alert) => alert.state === "firing" && matches(alert.labels))
      .map((alert) => ({ alert, mutes: mutes.findAll(alert, now), now }))
      .filter(({ mutes: found }) => {
        if (!wanted("active") && found.length === 0) return false;
        if (!wanted("inhibited") && found.some(({ kind }) => kind === "inhibition")) return false;
        return wanted("silenced") || !found.some(({ kind }) => kind === "silence");
      });
    return ok(describeAll(concerns(receivers, query.get("receiver")) ? shown : []));
  });
}

/** Which notifier is told of which alert isn't said here: all are. */
function concerns(receivers: readonly string[], wanted: string | null): boolean {
  if (wanted === null || wanted === "") return true;
  try {
    const pattern = compilePattern(wanted, { anchored: true });
    return receivers.some((name) => pattern.test(name));
  } catch {
    return false;
  }
}

function describe({ alert, mutes, now }: Shown, receivers: readonly object[]): object {
  const idsOf = (kind: Mute["kind"]): string[] =>
    mutes.filter((mute) => mute.kind === kind).map(({ id }) => id);
  const startsAt = alert.firedAtMilliseconds;
  return {
    annotations: alert.annotations,
    labels: alert.labels,
    fingerprint: alert.fingerprint,
    receivers,
    startsAt: new Date(startsAt).toISOString(),
    updatedAt: new Date(startsAt).toISOString(),
    endsAt: new Date(now + openEndMilliseconds).toISOString(),
    generatorURL: "",
    status: {
      state: mutes.length === 0 ? "active" : "suppressed",
      silencedBy: idsOf("silence"),
      inhibitedBy: idsOf("inhibition"),
      mutedBy: idsOf("maintenance"),
    },
  };
}

function describeStatus(startedAt: string): object {
  return {
    cluster: { status: "disabled", peers: [] },
    config: { original: "" },
    uptime: startedAt,
    versionInfo: {
      version,
      branch: "",
      buildDate: "",
      buildUser: "warpwatch",
      goVersion: "",
      revision: "",
    },
  };
}

function get(path: string, answer: (query: URLSearchParams) => ApiAnswer): ApiRoute {
  return {
    method: "GET",
    path: `/api/v2/${path}`,
    role: "viewer",
    handle: ({ query }) => answer(query),
  };
}

function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}
