/** Processes on GPUs as /proc shows them, in every kind of control group that a GPU server has, of both versions. */
import type { HostTree } from "./tree.ts";

export interface FakeProcess {
  readonly pid: number;
  readonly command: string;
  readonly userId: number;
  /** The text of /proc/PID/cgroup. */
  readonly cgroup: string;
}

export const podUid = "0f5c7f10-93a1-4c5e-8d1b-5e1c2a3b4c5d";
export const containerId = "5e1ec7ed".repeat(8);
export const dockerId = "d0cce55e".repeat(8);
const systemdUid = podUid.replaceAll("-", "_");

export const gpuProcesses = {
  podOfSystemd: {
    pid: 4101,
    command: "python3",
    userId: 0,
    cgroup: `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${systemdUid}.slice/cri-containerd-${containerId}.scope\n`,
  },
  podOfCgroupfs: {
    pid: 4102,
    command: "torchrun",
    userId: 0,
    cgroup: `12:devices:/kubepods/besteffort/pod${podUid}/${containerId}\n3:memory:/kubepods/besteffort/pod${podUid}/${containerId}\n1:name=systemd:/\n`,
  },
  jobOfVersion1: {
    pid: 4103,
    command: "train",
    userId: 1001,
    cgroup: "9:devices:/slurm/uid_1001/job_4711/step_0/task_0\n1:name=systemd:/system.slice\n",
  },
  jobOfVersion2: {
    pid: 4104,
    command: "train",
    userId: 1001,
    cgroup: "0::/system.slice/slurmstepd.scope/job_4712/step_0/user/task_0\n",
  },
  docker: {
    pid: 4105,
    command: "jupyter-lab",
    userId: 1001,
    cgroup: `0::/system.slice/docker-${dockerId}.scope\n`,
  },
  login: {
    pid: 4106,
    command: "blender",
    userId: 1002,
    cgroup: "0::/user.slice/user-1002.slice/session-3.scope\n",
  },
  service: {
    pid: 4107,
    command: "nv-hostengine",
    userId: 0,
    cgroup: "0::/system.slice/nvidia-dcgm.service\n",
  },
} as const satisfies Record<string, FakeProcess>;

/** User 1002 is of a directory service: the file lacks it. */
export function gpuProcessesHost(
  processes: readonly FakeProcess[] = Object.values(gpuProcesses),
): HostTree {
  const files: Record<string, string | null> = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nada:x:1001:1001:Ada:/home/ada:/bin/bash\n",
    "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05\n",
  };
  for (const { pid, command, userId, cgroup } of processes) {
    const ids = [userId, userId, userId, userId].join("\t");
    files[`proc/${pid}/cgroup`] = cgroup;
    files[`proc/${pid}/comm`] = `${command}\n`;
    files[`proc/${pid}/status`] = `Name:\t${command}\nState:\tS (sleeping)\nUid:\t${ids}\n`;
  }
  return files;
}
