/** The collector board's part about what isn't told and why, about incidents, and about the audit log. */
import * as muting from "../core/catalog/muting.ts";
import * as notify from "../core/catalog/notify.ts";
import type { Row } from "./board.ts";
import { trend } from "./plot.ts";

const quiet: Row = {
  title: "What isn't told, and the record of it all",
  panels: [
    trend(
      "Alerts nobody is told of",
      "Firing alerts that are silenced, in a maintenance window or explained by another, by reason.",
      [muting.mutedAlerts],
      { still: true },
    ),
    trend(
      "Silences",
      "Silences that aren't over: active, or pending until they begin.",
      [muting.silences],
      { still: true },
    ),
    trend(
      "Open maintenance windows",
      "Windows of the configuration that are open.",
      [muting.maintenanceWindowsOpen],
      { still: true },
    ),
    trend(
      "Decided to be told",
      "Notifications a second by notifier and action: what opens an incident, changes or closes it, and digests.",
      [notify.incidentNotifications],
      { still: true },
    ),
    trend(
      "Bounds that incidents met",
      "Incidents that had to share one with others, and lines that a message left out, a second.",
      [notify.incidentLimits],
      { still: true },
    ),
    trend(
      "Audit log",
      "Entries that the log holds, and the number of its newest one: it never falls, unless somebody took the log away.",
      [
        { metric: muting.auditEntries, words: "entries" },
        { metric: muting.auditSequence, words: "newest" },
      ],
      { still: true },
    ),
    trend(
      "Audit entries gone before their time",
      "Entries a second that had to go because there were too many.",
      [muting.auditDropped],
      { still: true },
    ),
  ],
};

export const mutingRows: readonly Row[] = [quiet];
