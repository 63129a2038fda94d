/** What the collector says of its notifications: how many, how fast, and what waits or was lost. */
import { defineMetric } from "./metric.ts";

export const notifications = defineMetric({
  name: "warpwatch_notifications_total",
  kind: "counter",
  help: "Notifications that left the outbox, by notifier and outcome: accepted, refused by the receiver for good, or expired after a day of tries.",
  labels: ["notifier", "outcome"],
});
export const notificationRetries = defineMetric({
  name: "warpwatch_notification_retries_total",
  kind: "counter",
  help: "Attempts that failed and are made again, by notifier and reason: rate_limited, server_error, timeout, connection or internal (an unreadable secret, a state folder that can't be written).",
  labels: ["notifier", "reason"],
});
export const notificationLatency = defineMetric({
  name: "warpwatch_notification_latency_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "From the sample that made an alert fire or resolve, or from when it was to be told (a wait, a tier, the end of a mute), to the receiver's acceptance of the notification, in seconds.",
  labels: ["notifier"],
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 5, 10, 30, 60, 300, 3600],
});
export const outboxDepth = defineMetric({
  name: "warpwatch_outbox_notifications",
  kind: "gauge",
  help: "Notifications that wait in the outbox, by notifier.",
  labels: ["notifier"],
});
export const outboxDropped = defineMetric({
  name: "warpwatch_outbox_dropped_total",
  kind: "counter",
  help: "Notifications that the outbox let go, by reason: superseded by a later one while full, outbox_full, or notifier_removed from the configuration.",
  labels: ["reason"],
});
export const deadLetters = defineMetric({
  name: "warpwatch_dead_letters",
  kind: "gauge",
  help: "Undeliverable notifications that are kept to be looked at: refused, expired and damaged ones.",
});
export const alertRefreshes = defineMetric({
  name: "warpwatch_alert_refreshes_total",
  kind: "counter",
  help: "Requests that repeat firing alerts to an Alertmanager so that it doesn't let them expire, by notifier and outcome: accepted or failed.",
  labels: ["notifier", "outcome"],
});
export const incidentNotifications = defineMetric({
  name: "warpwatch_incident_notifications_total",
  kind: "counter",
  help: "Notifications that were decided on, by notifier and action: trigger, update, acknowledge, resolve or digest.",
  labels: ["notifier", "action"],
});
export const incidentLimits = defineMetric({
  name: "warpwatch_incident_limits_total",
  kind: "counter",
  help: "How often incidents met a bound, by kind: incidents (beyond it alerts share one) or lines (a message lists no more).",
  labels: ["kind"],
});
