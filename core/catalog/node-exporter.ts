/** What node_exporter says of itself: served only where its scrapers are, by --compat.node-exporter. */
import { defineMetric } from "./metric.ts";

export const scrapeDuration = defineMetric({
  name: "node_scrape_collector_duration_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "How long the collector's last reading took, in seconds.",
  labels: ["collector"],
  compatibilityOnly: true,
});
export const scrapeSuccess = defineMetric({
  name: "node_scrape_collector_success",
  kind: "gauge",
  help: "Whether the collector's last reading succeeded: 0 when it failed, and when this machine has none of it.",
  labels: ["collector"],
  compatibilityOnly: true,
});
export const buildInfo = defineMetric({
  name: "node_exporter_build_info",
  kind: "info",
  help: "Says in its branch that Warpwatch answers for node_exporter, and in which version.",
  labels: ["branch", "goversion", "revision", "version"],
  compatibilityOnly: true,
});
