/** The files that other programs leave for the agent, under node_exporter's names. */
import { defineMetric } from "./metric.ts";

export const textfileMtime = defineMetric({
  name: "node_textfile_mtime_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Unix time in whole seconds at which each file was last written; one that can't be taken isn't told.",
  labels: ["file"],
  compatibilityOnly: true,
});
export const textfileError = defineMetric({
  name: "node_textfile_scrape_error",
  kind: "gauge",
  help: "1 where a file or the folder could not be read or breaks the format, 0 otherwise.",
  compatibilityOnly: true,
});
