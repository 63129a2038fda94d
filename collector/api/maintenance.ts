/** The route of maintenance windows: which are open, and when each comes next. */
import type { Clock } from "../../core/kit/clock.ts";
import type { Maintenance, MaintenanceWindow, Span } from "../notify/mute/maintenance.ts";
import { formatMatchers } from "../notify/mute/matcher.ts";
import type { ApiRoute } from "./routes.ts";

export interface MaintenanceParts {
  readonly clock: Clock;
  readonly maintenance: Pick<Maintenance, "windows">;
}

export function createMaintenanceRoutes({ clock, maintenance }: MaintenanceParts): ApiRoute[] {
  return [
    {
      method: "GET",
      path: "/api/v1/maintenance",
      role: "viewer",
      handle: () => ({
        status: 200,
        body: { windows: maintenance.windows(clock.now()).map(describeWindow) },
      }),
    },
  ];
}

function describeWindow({ settings, active, next }: MaintenanceWindow): object {
  return {
    name: settings.name,
    comment: settings.comment,
    cron: settings.cron,
    timezone: settings.timezone,
    durationMilliseconds: settings.durationMilliseconds,
    matchers: formatMatchers(settings.matchers),
    active: describeSpan(active),
    next: describeSpan(next),
  };
}

function describeSpan(span: Span | null): object | null {
  if (span === null) return null;
  return {
    startsAt: new Date(span.startsAtMilliseconds).toISOString(),
    endsAt: new Date(span.endsAtMilliseconds).toISOString(),
  };
}
