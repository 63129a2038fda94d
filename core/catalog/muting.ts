/** What the collector says of silences, maintenance windows, inhibition and its audit log. */
import { defineMetric } from "./metric.ts";

export const silences = defineMetric({
  name: "warpwatch_silences",
  kind: "gauge",
  help: "Silences that aren't over, by state: active, or pending until they begin.",
  labels: ["state"],
});
export const maintenanceWindowsOpen = defineMetric({
  name: "warpwatch_maintenance_windows_open",
  kind: "gauge",
  help: "Maintenance windows of the configuration that are open now.",
});
export const mutedAlerts = defineMetric({
  name: "warpwatch_muted_alerts",
  kind: "gauge",
  help: "Firing alerts of which nobody is told now, by reason: silence, maintenance or inhibition.",
  labels: ["reason"],
});
export const auditSequence = defineMetric({
  name: "warpwatch_audit_sequence",
  kind: "gauge",
  help: "Number of the audit log's newest entry; it never falls, so that a log that was cut off can be told from what was scraped before.",
});
export const auditEntries = defineMetric({
  name: "warpwatch_audit_entries",
  kind: "gauge",
  help: "Entries that the audit log holds.",
});
export const auditDropped = defineMetric({
  name: "warpwatch_audit_dropped_total",
  kind: "counter",
  help: "Entries of the audit log that had to go before their time because there were too many.",
});
