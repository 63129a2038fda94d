/** Rules for hosts over what fails on them: mounts, memory, the clock, sensors, and the services that jobs rest on. */
import {
  chrony,
  filesystem,
  gpuStack,
  ipmi,
  memory,
  sensors,
  timex,
} from "../core/catalog/index.ts";
import { both, compare, divide, increase, over, predict, unless, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;
const hour = 60 * minute;
const writable = { fstype: { excludes: /squashfs|erofs|iso9660|ramfs|efivarfs/ } } as const;

export const filesystemFillsSoon = defineRule({
  name: "HostFilesystemFillsWithinDay",
  condition: both(
    both(
      compare(
        divide(value(filesystem.available, writable), value(filesystem.size, writable)),
        "<",
        0.4,
      ),
      compare(predict(value(filesystem.available, writable), 6 * hour, 24 * hour), "<", 0),
    ),
    compare(value(filesystem.readOnly, writable), "==", 0),
  ),
  forMilliseconds: hour,
  // Each sample moves the line a little.
  keepFiringForMilliseconds: 30 * minute,
  severity: "warning",
  component: "filesystem",
  summary: "{{ mountpoint }} on {{ node }} has {{ value | percent }} left and is full within a day",
  description:
    "The line through the last six hours of {{ device }} ({{ fstype }}) reaches zero within 24.",
  ended: { stillReported: filesystem.size, on: [] },
  source:
    "node-mixin's NodeFilesystemSpaceFillingUp: threshold and prediction together, so that a clean-up's saw-tooth stays quiet.",
});

export const mountStuck = defineRule({
  name: "HostMountStuck",
  condition: compare(
    value(filesystem.deviceError, { fstype: { excludes: /fuse\.portal/ } }),
    "==",
    1,
  ),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "filesystem",
  summary: "{{ mountpoint }} on {{ node }} does not answer",
  description:
    "The filesystem {{ device }} ({{ fstype }}) can't be asked: its server is gone or it is damaged. What uses it waits for ever.",
  ended: { stillReported: filesystem.size, on: [] },
  source: "node_exporter gives a mount five seconds; five minutes let a server restart.",
});

export const outOfMemoryKills = defineRule({
  name: "HostOutOfMemoryKills",
  condition: compare(
    increase(value(memory.memoryStatistic.metric("oom_kill")), 15 * minute),
    ">",
    0,
  ),
  severity: "warning",
  component: "memory",
  onByDefault: false,
  summary: "the kernel of {{ node }} killed processes for want of memory",
  description:
    "Within a quarter of an hour: mostly a data loader or a job over its container's limit. The kernel log names them.",
  source:
    "awesome-prometheus-alerts' HostOomKillDetected. Off, since containers that reach their limit are their owner's business.",
});

export const memoryUncorrectable = defineRule({
  name: "HostMemoryUncorrectable",
  condition: compare(increase(value(sensors.uncorrectedErrors), 15 * minute), ">", 0),
  severity: "critical",
  component: "memory",
  summary:
    "the memory of {{ node }} had errors that ECC could not correct (controller {{ controller }})",
  description: "A module fails. The next such error may be in the kernel and stop the node.",
  source:
    "No tolerance; by the increase, so that it ends, where rules on the counter itself fire until the next boot.",
});

export const clockUnsynchronised = defineRule({
  name: "HostClockUnsynchronised",
  condition: unless(
    both(
      compare(value(timex.maximumError), ">=", 16),
      compare(over("max", value(timex.syncStatus), fiveMinutes), "==", 0),
    ),
    compare(value(chrony.chronyErrorBound), ">=", 0),
  ),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "clock",
  summary: "the clock of {{ node }} follows nothing",
  description:
    "No program has set the clock for hours: the kernel's own bound of its error is {{ value }} s. Stands in for HostClockUncertain where chronyd isn't read.",
  source:
    "node-mixin's NodeClockNotSynchronising: the kernel's bound reaches 16 s nine hours after the last correction.",
});

export const sensorCritical = defineRule({
  name: "HostSensorCritical",
  condition: compare(value(ipmi.bmcSeverity), ">=", 2),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "power",
  team: "datacentre",
  onByDefault: false,
  summary: "sensor {{ sensor }} ({{ part }}) of {{ node }} is beyond its critical threshold",
  description:
    "By the BMC's own judgement: fan, voltage, inlet or board. 2 is critical, 3 can't be recovered from.",
  source:
    "Meta's gcm reads the BMC's event log for the same. Off, since many boards come with thresholds that nobody set.",
});

export const runtimeDown = defineRule({
  name: "HostContainerRuntimeDown",
  condition: compare(value(gpuStack.runtimeUp), "==", 0),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "service",
  summary: "{{ runtime }} on {{ node }} does not answer or calls itself unhealthy",
  description: "Containers that run go on; none can be started, ended or looked into.",
  source:
    "Two seconds for an answer, five minutes for a restart; the kubelet itself gives the runtime four minutes.",
});

export const serviceRestarts = defineRule({
  name: "HostServiceRestarting",
  condition: compare(increase(value(gpuStack.stackServiceRestarts), hour), ">", 2.5),
  severity: "warning",
  component: "service",
  summary: "systemd restarted {{ service }} on {{ node }} {{ value }} times within an hour",
  description: "The service ends again and again by itself; GPU work on the node rests on it.",
  source: "Our choice: once is an update, three times a fault.",
});

export const fabricManagerDown = defineRule({
  name: "FabricManagerDown",
  condition: compare(
    value(gpuStack.stackServiceState, { service: "nvidia-fabricmanager", state: "failed" }),
    "==",
    1,
  ),
  forMilliseconds: 2 * minute,
  severity: "critical",
  component: "fabric",
  summary: "Fabric Manager of {{ node }} has failed",
  description:
    "On a board with NVSwitches no CUDA program starts without it, and links that fail are not dealt with.",
  source:
    "gpud's fabric-manager component and Meta's gcm. By systemd's state `failed`: an image that has it on a board without switches leaves it inactive.",
});
