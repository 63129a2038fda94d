/** Units of systemd and sessions of logind, under node_exporter's names: org.freedesktop.systemd1 and login1 on the system bus. */
import { defineMetric } from "./metric.ts";

const shared = { sampling: "steady", compatibilityOnly: true } as const;

export const unitState = defineMetric({
  ...shared,
  name: "node_systemd_unit_state",
  kind: "gauge",
  help: "Whether a unit of systemd is in this state: 1 in the one that it is in. The type is a service's or a mount's.",
  labels: ["name", "state", "type"],
});
export const unitStartTime = defineMetric({
  ...shared,
  name: "node_systemd_unit_start_time_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "When a unit of systemd became active, in seconds since 1970; 0 where it isn't.",
  labels: ["name"],
});
export const unitTasks = defineMetric({
  ...shared,
  name: "node_systemd_unit_tasks_current",
  kind: "gauge",
  help: "Tasks that a service of systemd has.",
  labels: ["name"],
});
export const unitTasksMaximum = defineMetric({
  ...shared,
  name: "node_systemd_unit_tasks_max",
  kind: "gauge",
  help: "Tasks that a service of systemd may have.",
  labels: ["name"],
});
export const systemRunning = defineMetric({
  ...shared,
  name: "node_systemd_system_running",
  kind: "gauge",
  help: "Whether systemd says that the system runs with no unit failed.",
});
export const units = defineMetric({
  ...shared,
  name: "node_systemd_units",
  kind: "gauge",
  help: "Units of systemd in each state.",
  labels: ["state"],
});
export const serviceRestarts = defineMetric({
  ...shared,
  name: "node_systemd_service_restart_total",
  kind: "counter",
  help: "How often systemd restarted a service by itself.",
  labels: ["name"],
});
export const timerLastTrigger = defineMetric({
  ...shared,
  name: "node_systemd_timer_last_trigger_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "When a timer of systemd last went off, in seconds since 1970.",
  labels: ["name"],
});
export const socketAccepted = defineMetric({
  ...shared,
  name: "node_systemd_socket_accepted_connections_total",
  kind: "counter",
  help: "Connections that a socket of systemd has accepted.",
  labels: ["name"],
});
export const socketConnections = defineMetric({
  ...shared,
  name: "node_systemd_socket_current_connections",
  kind: "gauge",
  help: "Connections that a socket of systemd has now.",
  labels: ["name"],
});
/** A gauge in the original, whatever its name says. */
export const socketRefused = defineMetric({
  ...shared,
  name: "node_systemd_socket_refused_connections_total",
  kind: "gauge",
  help: "Connections that a socket of systemd has refused.",
  labels: ["name"],
});
export const systemdVersion = defineMetric({
  ...shared,
  name: "node_systemd_version",
  kind: "gauge",
  help: "Version of systemd as a number, and in the label in full.",
  labels: ["version"],
});
export const virtualization = defineMetric({
  ...shared,
  name: "node_systemd_virtualization_info",
  kind: "info",
  help: "The virtual machine or container that systemd found itself in; none on bare metal.",
  labels: ["virtualization_type"],
});
export const sessions = defineMetric({
  ...shared,
  name: "node_logind_sessions",
  kind: "gauge",
  help: "Sessions that logind knows of, by seat, kind and whether they come from another machine.",
  labels: ["seat", "remote", "type", "class"],
});
