/** The machine as a whole, under node_exporter's names: kernel, distribution, clock and boot. */
import { defineMetric } from "./metric.ts";

export const unameInfo = defineMetric({
  name: "node_uname_info",
  kind: "info",
  help: "Kernel, machine type and host name, as uname(2) gives them.",
  labels: ["sysname", "release", "version", "machine", "nodename", "domainname"],
  sampling: "inventory",
});
export const osInfo = defineMetric({
  name: "node_os_info",
  kind: "info",
  help: "The distribution, as os-release(5) names it.",
  labels: [
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
  ],
  sampling: "inventory",
  compatibilityOnly: true,
});
export const osVersion = defineMetric({
  name: "node_os_version",
  kind: "gauge",
  help: "Major and minor part of the distribution's version as a number; absent where there is none.",
  labels: ["id", "id_like", "name"],
  sampling: "inventory",
  compatibilityOnly: true,
});
export const bootTime = defineMetric({
  name: "node_boot_time_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Unix time at which the kernel started.",
});
export const time = defineMetric({
  name: "node_time_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Unix time of the machine's clock at the moment of reading.",
});
export const clocksourceAvailable = defineMetric({
  name: "node_time_clocksource_available_info",
  kind: "info",
  help: "Clock sources that the kernel could keep time with.",
  labels: ["device", "clocksource"],
  compatibilityOnly: true,
});
export const clocksourceCurrent = defineMetric({
  name: "node_time_clocksource_current_info",
  kind: "info",
  help: "The clock source that the kernel keeps time with; a fall from tsc to hpet slows every program.",
  labels: ["device", "clocksource"],
  compatibilityOnly: true,
});
