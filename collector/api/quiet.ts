/** What keeps alerts quiet, for the console: silences, maintenance windows, other alerts, and who took them on. */
import type {
  AcknowledgementOverview,
  AlertOverview,
  MaintenanceOverview,
  MuteOverview,
  SilenceOverview,
} from "../console/overview.ts";
import type { Maintenance } from "../notify/mute/maintenance.ts";
import { formatMatchers } from "../notify/mute/matcher.ts";
import type { Mute } from "../notify/mute/mute.ts";
import type { AllMutes } from "../notify/mute/mutes.ts";
import type { Silences } from "../notify/mute/silences.ts";
import type { Alert } from "../state/alert.ts";
import type { IncidentStore } from "../state/incident.ts";

interface QuietParts {
  readonly silences: Pick<Silences, "list" | "get" | "stateOf">;
  readonly maintenance: Pick<Maintenance, "windows">;
  readonly mutes: Pick<AllMutes, "findAll">;
  readonly incidents: Pick<IncidentStore, "homesOf" | "find">;
}

interface QuietView {
  of(alert: Alert): Pick<AlertOverview, "muted" | "acknowledged" | "told">;
  readonly silences: readonly SilenceOverview[];
  readonly maintenance: readonly MaintenanceOverview[];
}

export type Quiet = (alerts: readonly Alert[], timeMilliseconds: number) => QuietView;

type Told = Pick<AlertOverview, "acknowledged" | "told">;

export function createQuiet({ silences, maintenance, mutes, incidents }: QuietParts): Quiet {
  return (alerts, time) => {
    const windows = maintenance.windows(time);
    const found = new Map(
      alerts
        .filter(({ state }) => state === "firing")
        .map((alert) => [alert.fingerprint, mutes.findAll(alert, time)]),
    );
    const rules = new Map(alerts.map((alert) => [alert.fingerprint, alert]));
    const kept = countById([...found.values()].flat());

    function describe({ kind, id }: Mute): MuteOverview {
      if (kind === "silence") {
        const silence = silences.get(id);
        return {
          kind,
          id,
          by: silence?.createdBy ?? "",
          comment: silence?.comment ?? "",
          untilMilliseconds: silence?.endsAtMilliseconds ?? null,
        };
      }
      if (kind === "inhibition") {
        const source = rules.get(id);
        const place = source?.labels["node"] ?? "";
        const by = source ? `${source.rule}${place === "" ? "" : ` on ${place}`}` : "";
        return { kind, id, by, comment: "", untilMilliseconds: null };
      }
      const window = windows.find(({ settings }) => settings.name === id);
      return {
        kind,
        id,
        by: id,
        comment: window?.settings.comment ?? "",
        untilMilliseconds: window?.active?.endsAtMilliseconds ?? null,
      };
    }

    return {
      of: (alert) => ({
        muted: (found.get(alert.fingerprint) ?? []).map(describe),
        ...whoWasTold(incidents, alert),
      }),
      silences: describeSilences(silences, kept),
      maintenance: windows.map(({ settings, active, next }) => ({
        name: settings.name,
        comment: settings.comment,
        matchers: formatMatchers(settings.matchers),
        openUntilMilliseconds: active?.endsAtMilliseconds ?? null,
        nextAtMilliseconds: next?.startsAtMilliseconds ?? null,
      })),
    };
  };
}

/** In force before what begins later, what ends soonest first. */
function describeSilences(
  silences: Pick<Silences, "list" | "stateOf">,
  kept: ReadonlyMap<string, number>,
): SilenceOverview[] {
  const open = silences.list().flatMap((silence) => {
    const state = silences.stateOf(silence);
    if (state === "expired") return [];
    const { id, createdBy, comment, startsAtMilliseconds, endsAtMilliseconds } = silence;
    const matchers = formatMatchers(silence.matchers);
    const alerts = kept.get(id) ?? 0;
    const times = { startsAtMilliseconds, endsAtMilliseconds };
    return [{ id, state, matchers, createdBy, comment, ...times, alerts } as const];
  });
  return open.toSorted(
    (one, other) =>
      one.state.localeCompare(other.state) || one.endsAtMilliseconds - other.endsAtMilliseconds,
  );
}

function whoWasTold(incidents: QuietParts["incidents"], alert: Alert): Told {
  if (alert.state !== "firing") return { told: false, acknowledged: null };
  const homes = incidents.homesOf(alert.fingerprint);
  let acknowledged: AcknowledgementOverview | null = null;
  for (const home of homes) acknowledged ??= incidents.find(home)?.acknowledged ?? null;
  return { told: homes.length > 0, acknowledged };
}

function countById(mutes: readonly Mute[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, id } of mutes)
    if (kind === "silence") counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
