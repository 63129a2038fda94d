/** The kernel's routes, under node_exporter's names: what rtnetlink(7) tells of every table. */
import { defineMetric } from "./metric.ts";

export const routeInfo = defineMetric({
  name: "node_network_route_info",
  kind: "info",
  help: "The routes of this network namespace: where to, over which interface and gateway, and who made them.",
  labels: ["device", "src", "dest", "gw", "priority", "proto", "weight"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const routeCount = defineMetric({
  name: "node_network_routes",
  kind: "gauge",
  help: "Routes over each interface.",
  labels: ["device"],
  sampling: "steady",
  compatibilityOnly: true,
});
