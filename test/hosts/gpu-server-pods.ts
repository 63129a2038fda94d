/** Pods of the GPU server in control groups of version 2, and their processes; the first eight hold a GPU each. */
import { linkTo, type HostTree } from "./tree.ts";

type Files = Record<string, string | null>;

const gpus = 8;
const firstProcess = 41_000;
const pressureText =
  "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n";

export function gpuServerPods(pods: number): HostTree {
  const files: Files = {
    "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15\n",
    "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
    "sys/fs/cgroup/system.slice/kubelet.service/cgroup.procs": "900\n",
  };
  for (let pod = 0; pod < pods; pod += 1) Object.assign(files, podFiles(pod));
  return files;
}

export function podPath(pod: number): string {
  const uid = `0f5c7f10_93a1_4c5e_8d1b_${pod.toString(16).padStart(12, "0")}`;
  const container = pod.toString(16).padStart(64, "c");
  return `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid}.slice/cri-containerd-${container}.scope`;
}

function podFiles(pod: number): Files {
  const process = firstProcess + pod;
  const group = `sys/fs/cgroup${podPath(pod)}`;
  const folder = `proc/${process}`;
  return {
    [`${group}/cgroup.procs`]: `${process}\n`,
    [`${group}/cpu.stat`]:
      "usage_usec 7500000\nuser_usec 6000000\nsystem_usec 1500000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 250000\n",
    [`${group}/memory.current`]: "8589934592\n",
    [`${group}/memory.max`]: "17179869184\n",
    [`${group}/memory.peak`]: "9663676416\n",
    [`${group}/memory.stat`]: "anon 6442450944\nfile 2147483648\nkernel 1048576\nshmem 4096\n",
    [`${group}/memory.events`]: "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n",
    [`${group}/io.stat`]:
      "259:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n259:4 rbytes=1000 wbytes=2000 rios=3 wios=4 dbytes=0 dios=0\n",
    [`${group}/pids.current`]: "212\n",
    [`${group}/pids.max`]: "max\n",
    [`${group}/cpu.pressure`]: pressureText,
    [`${group}/memory.pressure`]: pressureText,
    [`${group}/io.pressure`]: pressureText,
    [`${folder}/stat`]: statText(process, "python3", "S"),
    [`${folder}/cgroup`]: `0::${podPath(pod)}\n`,
    [`${folder}/fd/0`]: linkTo("/dev/null"),
    [`${folder}/fd/7`]: linkTo(pod < gpus ? `/dev/nvidia${pod}` : "/dev/urandom"),
  };
}

/** /proc/<pid>/stat of a process that began 5000 ticks after boot. */
export function statText(process: number, command: string, letter: string, began = 5000): string {
  const before = `${process} (${command}) ${letter} 1 ${process} ${process} 0 -1 4194560`;
  return `${before} 100 0 0 0 10 5 0 0 20 0 8 0 ${began} 1000000 500 18446744073709551615 0 0 0 0 0 0 0\n`;
}
