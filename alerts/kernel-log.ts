/** Rules for what the kernel and its drivers log: tickets for ten minutes after the last line. */
import { kernelLog } from "../core/catalog/index.ts";
import type { KernelSeverity } from "../core/catalog/kernel-log.ts";
import type { EventKind } from "../core/wire/event.ts";
import {
  age,
  aggregate,
  compare,
  increase,
  placeLabels,
  value,
  type Condition,
} from "./expression.ts";
import { defineRule } from "./rule.ts";

const recentSeconds = 600;
const ended = { stillReported: kernelLog.kernelEvents, on: ["kind"] };
const byTime =
  "By the time of the last one, since a counter that is born at 1 has no increase; docs/kernel-log.md says which lines count.";

function logged(kind: EventKind, ...severities: readonly KernelSeverity[]): Condition {
  const severity = { matches: new RegExp(severities.join("|")) };
  // The rule's own severity takes the label's place, and two series of a kind would become one.
  const last = aggregate(
    "max",
    [...placeLabels, "kind"],
    value(kernelLog.kernelLastEvent, { kind, severity }),
  );
  return compare(age(last), "<", recentSeconds);
}

export const driverFault = defineRule({
  name: "GpuDriverFault",
  condition: logged("gpu_driver", "critical"),
  severity: "critical",
  component: "gpu",
  summary: "the GPU driver of {{ node }} logged a fault",
  description:
    "Driver and library don't fit, a GPU could not be initialised or was reset by its driver, {{ value }} s ago. It isn't to be used before somebody has looked.",
  ended,
  source: `The drivers' own sources (NVRM, amdgpu). ${byTime}`,
});

export const kernelFault = defineRule({
  name: "HostKernelFault",
  condition: logged("kernel_fault", "critical"),
  severity: "warning",
  component: "kernel",
  summary: "the kernel of {{ node }} logged an oops or a lock-up",
  description:
    "{{ value }} s ago. The node may go on, with a lock held or memory damaged: drain it and restart it before it stops by itself.",
  ended,
  source: `Documentation/admin-guide/lockup-watchdogs.rst and bug-hunting.rst of the kernel. ${byTime}`,
});

export const machineCheck = defineRule({
  name: "HostMachineCheck",
  condition: logged("machine_check", "critical"),
  severity: "warning",
  component: "memory",
  summary: "a processor of {{ node }} reported a machine check",
  description:
    "Hardware told the kernel {{ value }} s ago of an error that it could not correct: processor, memory or bus.",
  ended,
  source: `Documentation/arch/x86/x86_64/machinecheck.rst of the kernel. ${byTime}`,
});

export const hungTask = defineRule({
  name: "HostHungTask",
  condition: logged("hung_task", "warning"),
  severity: "warning",
  component: "kernel",
  summary: "the kernel of {{ node }} found a task that hangs",
  description:
    "A task has waited uninterruptibly for two minutes, the kernel said {{ value }} s ago: a driver, a drive or a file server doesn't answer.",
  ended,
  source: `The kernel's own limit, kernel.hung_task_timeout_secs. ${byTime}`,
});

export const filesystemError = defineRule({
  name: "HostFilesystemError",
  condition: logged("filesystem_error", "warning", "critical"),
  severity: "warning",
  component: "filesystem",
  summary: "a filesystem of {{ node }} is in trouble",
  description:
    "EXT4, XFS, Btrfs or NFS said so {{ value }} s ago. After a critical one it may be read-only or shut down.",
  ended,
  source: `The filesystems' own messages; Kubernetes' node-problem-detector looks for the same. ${byTime}`,
});

export const driveError = defineRule({
  name: "HostDriveError",
  condition: logged("drive_error", "warning", "critical"),
  severity: "warning",
  component: "disk",
  summary: "a drive of {{ node }} failed a request or was reset",
  description: "The kernel said so {{ value }} s ago. One may be chance; the next days tell.",
  ended,
  source: `The block layer's and the NVMe driver's messages. ${byTime}`,
});

export const networkDevice = defineRule({
  name: "HostNetworkDeviceFault",
  condition: logged("network_device", "warning", "critical"),
  severity: "warning",
  component: "network",
  team: "network",
  summary: "a network adapter of {{ node }} or its firmware failed",
  description:
    "The driver said so {{ value }} s ago: a queue that hangs, a command without an answer, firmware in distress.",
  ended,
  source: `The drivers' messages, mlx5's health reports among them. ${byTime}`,
});

export const kernelLogLost = defineRule({
  name: "KernelLogLost",
  condition: compare(increase(value(kernelLog.kernelLostRecords), 600_000), ">", 0),
  severity: "info",
  component: "agent",
  summary: "{{ node }} logs faster than its agent reads",
  description:
    "Records of the kernel log were written over unread within ten minutes: faults among them are not told.",
  source: "No tolerance: the ring holds thousands of lines and is read five times a second.",
});
