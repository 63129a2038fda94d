import { expect, test } from "vitest";
import { readOwner } from "../../../agent/attribution/cgroup.ts";

const container = "c0ffee".repeat(10) + "1234";

test.each([
  [
    "cgroup v2, systemd driver, containerd",
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12345678_1234_1234_1234_123456789abc.slice/cri-containerd-${container}.scope\n`,
    { podUid: "12345678-1234-1234-1234-123456789abc", containerId: container },
  ],
  [
    "cgroup v1, cgroupfs driver",
    `12:devices:/kubepods/besteffort/pod12345678-1234-1234-1234-123456789abc/${container}\n1:name=systemd:/\n`,
    { podUid: "12345678-1234-1234-1234-123456789abc", containerId: container },
  ],
  [
    "Docker",
    `0::/system.slice/docker-${container}.scope\n`,
    { podUid: "", containerId: container },
  ],
  [
    "Slurm with cgroup v1",
    "9:devices:/slurm/uid_1001/job_4711/step_0/task_0\n",
    { slurmJob: "4711", userId: "1001" },
  ],
  [
    "Slurm with cgroup v2",
    "0::/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0\n",
    { slurmJob: "4711", userId: "" },
  ],
  ["a login", "0::/user.slice/user-1000.slice/session-3.scope\n", { userId: "1000", podUid: "" }],
  ["nothing", "0::/\n", { podUid: "", containerId: "", slurmJob: "", userId: "" }],
  ["rubbish", "\u0000:::::\n:::", { podUid: "", slurmJob: "" }],
])("reads the owner from the path of %s", (_, text, owner) => {
  expect(readOwner(text)).toMatchObject(owner);
});
