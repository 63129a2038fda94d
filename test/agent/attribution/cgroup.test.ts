import { expect, test } from "vitest";
import { mayHoldScopes, readOwner, scopeOf } from "../../../agent/attribution/cgroup.ts";

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
  [
    "a pod of a node that is itself a container",
    `0::/docker/${"a".repeat(64)}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod12345678_1234_1234_1234_123456789abc.slice/cri-containerd-${container}.scope\n`,
    { podUid: "12345678-1234-1234-1234-123456789abc", containerId: container },
  ],
  [
    "a static pod in one name with its container",
    `0::/kubepods.slice/kubepods-pod${"0123456789abcdef".repeat(2)}.slice:cri-containerd:${container}\n`,
    { podUid: "0123456789abcdef".repeat(2), containerId: container },
  ],
  ["nothing", "0::/\n", { podUid: "", containerId: "", slurmJob: "", userId: "" }],
  ["rubbish", "\u0000:::::\n:::", { podUid: "", slurmJob: "" }],
])("reads the owner from the path of %s", (_, text, owner) => {
  expect(readOwner(text)).toMatchObject(owner);
});

const id = "0123456789abcdef".repeat(4);
const uid = "0f5c7f10-93a1-4c5e-8d1b-5e1c2a3b4c5d";

test.each([
  [`/kubepods.slice/kubepods-pod${uid.replaceAll("-", "_")}.slice/crio-${id}.scope`, "/inner"],
  [`/kubepods.slice/kubepods-pod${uid}.slice:cri-containerd:${id}`, ""],
  [`/kubepods/burstable/pod${uid}/${id}`, ""],
  [`/system.slice/docker-${id}.scope`, ""],
  [`/docker/${id}`, "/init.scope"],
  [`/machine.slice/libpod-${id}.scope`, ""],
  ["/system.slice/slurmstepd.scope/job_4711", "/step_0/user/task_1"],
])("takes %s for one container or job, with all that is inside", (path, inside) => {
  expect(scopeOf(path + inside)).toBe(path);
  const parents = path.split("/").slice(1, -1);
  parents.forEach((_, depth) =>
    expect(mayHoldScopes(`/${parents.slice(0, depth + 1).join("/")}`)).toBe(true),
  );
});

test("looks neither for nor into services of the machine", () => {
  expect(scopeOf("/system.slice/sshd.service")).toBeNull();
  expect(mayHoldScopes("/system.slice/sshd.service")).toBe(false);
  expect(mayHoldScopes("/user.slice")).toBe(false);
});
