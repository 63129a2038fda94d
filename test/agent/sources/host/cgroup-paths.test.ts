import { expect, test } from "vitest";
import { ownerOf, scopeOf } from "../../../../agent/sources/host/cgroup-paths.ts";

const id = "0123456789abcdef".repeat(4);
const nobody = { podUid: "", containerId: "", jobId: "" };
const uid = "0f5c7f10-93a1-4c5e-8d1b-5e1c2a3b4c5d";

test.each([
  [
    `/kubepods.slice/kubepods-pod${uid.replaceAll("-", "_")}.slice/crio-${id}.scope/inner`,
    { podUid: uid, containerId: id, jobId: "" },
    "/inner",
  ],
  [`/kubepods/burstable/pod${uid}/${id}`, { podUid: uid, containerId: id, jobId: "" }, ""],
  [`/system.slice/docker-${id}.scope`, { ...nobody, containerId: id }, ""],
  [`/docker/${id}/init.scope`, { ...nobody, containerId: id }, "/init.scope"],
  [`/machine.slice/libpod-${id}.scope`, { ...nobody, containerId: id }, ""],
  [
    "/system.slice/slurmstepd.scope/job_4711/step_0/user/task_1",
    { ...nobody, jobId: "4711" },
    "/step_0/user/task_1",
  ],
])("knows whose %s is", (path, owner, inside) => {
  expect(ownerOf(path)).toEqual(owner);
  expect(scopeOf(path)).toBe(path.slice(0, path.length - inside.length));
});

test("knows nobody behind a service of the machine", () => {
  expect(scopeOf("/system.slice/sshd.service")).toBeNull();
  expect(ownerOf("/system.slice/sshd.service")).toEqual(nobody);
});
