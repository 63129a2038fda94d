/** Maintenance windows of the configuration: which are open now, since when and until when, and when each comes next. */
import { createCronStarts, type CronStarts } from "./cron-starts.ts";
import { compileMatchers, type Labels } from "./matcher.ts";
import { createMatcherIndex } from "./matcher-index.ts";
import type { MaintenanceSettings } from "./maintenance-settings.ts";

export interface MaintenanceWindow {
  readonly settings: MaintenanceSettings;
  /** Null while it is closed. */
  readonly active: Span | null;
  /** Null when it never opens again. */
  readonly next: Span | null;
}

export interface Span {
  readonly startsAtMilliseconds: number;
  readonly endsAtMilliseconds: number;
}

export interface Maintenance {
  windows(timeMilliseconds: number): MaintenanceWindow[];
  /** Names of the windows that concern these labels, open or not. */
  matching(labels: Labels): string[];
  isOpen(name: string, timeMilliseconds: number): boolean;
}

interface Tracker {
  at(timeMilliseconds: number): Omit<MaintenanceWindow, "settings">;
}

export function createMaintenance(settings: readonly MaintenanceSettings[]): Maintenance {
  const index = createMatcherIndex<string>();
  for (const { name, matchers } of settings) index.add(name, compileMatchers(matchers));
  const trackers = new Map(
    settings.map((window) => [
      window.name,
      trackWindow(createCronStarts(window.cron, window.timezone), window.durationMilliseconds),
    ]),
  );
  return {
    windows: (time) =>
      settings.flatMap((window) => {
        const tracker = trackers.get(window.name);
        return tracker ? [{ settings: window, ...tracker.at(time) }] : [];
      }),
    matching: (labels) => index.find(labels),
    isOpen: (name, time) => (trackers.get(name)?.at(time).active ?? null) !== null,
  };
}

/** Works out anew only when something begins or ends, or when the clock is set back. */
function trackWindow(starts: CronStarts, duration: number): Tracker {
  const span = (start: number): Span => ({
    startsAtMilliseconds: start,
    endsAtMilliseconds: start + duration,
  });
  let known: Omit<MaintenanceWindow, "settings"> = { active: null, next: null };
  let validFrom = Number.POSITIVE_INFINITY;
  let validUntil = Number.NEGATIVE_INFINITY;
  return {
    at(time) {
      if (time >= validFrom && time < validUntil) return known;
      // A collector that starts in the midst of a window finds its beginning by looking back.
      const last = starts.last(time - duration, time);
      const next = starts.next(time);
      known = {
        active: last === null ? null : span(last),
        next: next === null ? null : span(next),
      };
      validFrom = time;
      validUntil = Math.min(
        known.active?.endsAtMilliseconds ?? Number.POSITIVE_INFINITY,
        known.next?.startsAtMilliseconds ?? Number.POSITIVE_INFINITY,
      );
      return known;
    },
  };
}
