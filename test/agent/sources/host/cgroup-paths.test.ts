import { expect, test } from "vitest";
import { mayHoldScopes, scopeOf } from "../../../../agent/sources/host/cgroup-paths.ts";

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
