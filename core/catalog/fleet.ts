/** Who is expected in the fleet and who is there, as the collector's membership (collector/fleet) knows it. */
import { defineMetric } from "./metric.ts";

export const nodeUp = defineMetric({
  name: "warpwatch_fleet_node_up",
  kind: "gauge",
  help: "1 while the node's agent or exporters report; 0 after three missed periods; absent once its removal was planned.",
  labels: ["node"],
});
export const nodeChecks = defineMetric({
  name: "warpwatch_fleet_node_checks_total",
  kind: "counter",
  help: "Once a second for each expected node, by outcome: fresh where one of its origins sent samples within twice its period, stale where none did.",
  labels: ["outcome"],
});
export const gpusExpected = defineMetric({
  name: "warpwatch_fleet_gpus_expected",
  kind: "gauge",
  help: "GPUs the node should have: from the fleet file, or as many as were last seen at once.",
  labels: ["node"],
});
export const gpusPresent = defineMetric({
  name: "warpwatch_fleet_gpus_present",
  kind: "gauge",
  help: "GPUs that the node's agent or exporter lists now; absent while it doesn't report.",
  labels: ["node"],
});
export const devicePresent = defineMetric({
  name: "warpwatch_fleet_device_present",
  kind: "gauge",
  help: "1 while an expected GPU is listed by its node, 0 while it is not; absent while the node doesn't report.",
  labels: ["node", "gpu", "UUID"],
});
export const nodeInfo = defineMetric({
  name: "warpwatch_fleet_node_info",
  kind: "info",
  help: "Where the node stands and what it is, from its labels in Kubernetes or from the fleet file; `clique` is its NVLink domain.",
  labels: [
    "node",
    "cluster",
    "region",
    "zone",
    "rack",
    "chassis",
    "slot",
    "instance_type",
    "modelName",
    "clique",
  ],
});
