/** The services that work on a GPU server rests on: their units in systemd, and whether container runtimes and the kubelet answer. */
import { defineMetric } from "./metric.ts";

export const stackServiceState = defineMetric({
  name: "warpwatch_service_state",
  kind: "gauge",
  help: "Whether a service of the GPU stack is in this state of systemd: 1 in the one that it is in. Services that aren't installed have none.",
  labels: ["service", "state"],
  sampling: "steady",
});
export const stackServiceRestarts = defineMetric({
  name: "warpwatch_service_restarts_total",
  kind: "counter",
  help: "How often systemd restarted a service of the GPU stack by itself since it was last started by hand.",
  labels: ["service"],
  sampling: "steady",
});
export const runtimeUp = defineMetric({
  name: "warpwatch_container_runtime_up",
  kind: "gauge",
  help: "Whether containerd, cri-o, docker or the kubelet answered within two seconds and called itself healthy.",
  labels: ["runtime"],
  sampling: "steady",
});
export const runtimeResponse = defineMetric({
  name: "warpwatch_container_runtime_response_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Time that containerd, cri-o, docker or the kubelet took to say how it is, in seconds.",
  labels: ["runtime"],
  sampling: "steady",
});
export const runtimeCondition = defineMetric({
  name: "warpwatch_container_runtime_condition",
  kind: "gauge",
  help: "Whether a condition that a container runtime tells the kubelet holds: RuntimeReady, NetworkReady.",
  labels: ["runtime", "condition"],
  sampling: "steady",
});
