import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createGpuCgroupSource } from "../../../../agent/sources/host/gpu-cgroups.ts";
import type { Source } from "../../../../agent/sources/source.ts";
import { gpuServer } from "../../../hosts/gpu-server.ts";
import { gpuServerPods, podPath } from "../../../hosts/gpu-server-pods.ts";
import { linkTo, type HostTree } from "../../../hosts/tree.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const groups = sourceNamed("gpu_cgroups");

function of(samples: ReadonlyMap<string, number>, group: string): Record<string, number> {
  return Object.fromEntries(
    [...samples]
      .filter(([name]) => name.includes(`cgroup="${group}"`))
      .map(([name, value]) => [name.replace(/^warpwatch_cgroup_([a-z_]+)\{.*$/, "$1"), value]),
  );
}

test("tells the use, limits and waits of the containers that hold a GPU, and of no other", async () => {
  const driven = await drive(groups, gpuServerPods(9));
  const samples = await driven.read();
  expect(of(samples, podPath(0))).toEqual({
    info: 1,
    cpu_seconds_total: 7.5,
    cpu_user_seconds_total: 6,
    cpu_system_seconds_total: 1.5,
    cpu_periods_total: 40,
    cpu_throttled_periods_total: 10,
    cpu_throttled_seconds_total: 0.25,
    memory_used_bytes: 8_589_934_592,
    memory_limit_bytes: 17_179_869_184,
    memory_peak_bytes: 9_663_676_416,
    memory_anonymous_bytes: 6_442_450_944,
    memory_file_bytes: 2_147_483_648,
    memory_limit_events_total: 3,
    memory_kills_total: 1,
    io_read_bytes_total: 5096,
    io_written_bytes_total: 10_192,
    io_reads_total: 4,
    io_writes_total: 6,
    // pids.max says "max": there is no limit.
    tasks: 212,
    cpu_waiting_seconds_total: 1.5,
    cpu_stalled_seconds_total: 0.5,
    memory_waiting_seconds_total: 1.5,
    memory_stalled_seconds_total: 0.5,
    io_waiting_seconds_total: 1.5,
    io_stalled_seconds_total: 0.5,
  });
  expect(of(samples, podPath(8))).toEqual({});
  expect([...samples.keys()].find((name) => name.startsWith("warpwatch_cgroup_info"))).toContain(
    `container_id="${"c".repeat(63)}0",job_id="",pod_uid="0f5c7f10-93a1-4c5e-8d1b-000000000000"`,
  );
});

test("drops a container that ended and finds one that opened a GPU later, at its next turn", async () => {
  const driven = await drive(groups, gpuServerPods(9));
  await driven.read();
  rmSync(join(driven.root, "sys/fs/cgroup", podPath(0)), { recursive: true });
  rmSync(join(driven.root, "proc/41000"), { recursive: true });
  rmSync(join(driven.root, "proc/41008/fd/7"));
  driven.change({ "proc/41008/fd/7": linkTo("/dev/dri/renderD130") });
  await driven.clock.advance(60_000);
  const samples = await driven.read();
  expect(of(samples, podPath(0))).toEqual({});
  expect(of(samples, podPath(8))["tasks"]).toBe(212);
});

test("takes the processes that somebody names instead of searching", async () => {
  const told: { processes: readonly number[] | null } = { processes: [41_008, 1] };
  const driven = await drive(
    createGpuCgroupSource(() => told.processes),
    gpuServerPods(9),
  );
  const samples = await driven.read();
  expect(of(samples, podPath(8))["tasks"]).toBe(212);
  expect(of(samples, podPath(0))).toEqual({});
  told.processes = [];
  expect(of(await driven.read(), podPath(8))).toEqual({});
});

test("takes the processes that a driver lists as they are listed", async () => {
  const use = { pid: 41_008, gpuInstance: "", memoryBytes: 1 };
  const told: Source = {
    ...groups,
    open(context, signal) {
      context.gpus.tellProcesses("test", new Map([["GPU-a", [use, { ...use, gpuInstance: "1" }]]]));
      return groups.open(context, signal);
    },
  };
  const samples = await (await drive(told, gpuServerPods(9))).read();
  expect(of(samples, podPath(8))["tasks"]).toBe(212);
  expect(of(samples, podPath(0))).toEqual({});
});

test("reads a Slurm job of version 1, all its steps together", async () => {
  const job = "/slurm/uid_1000/job_42";
  const tree: Record<string, string> = {
    [`memory${job}/step_0/task_0/cgroup.procs`]: "500\n",
    "memory/cgroup.procs": "1\n",
    [`memory${job}/memory.usage_in_bytes`]: "1000\n",
    [`memory${job}/memory.limit_in_bytes`]: "9223372036854771712\n",
    [`memory${job}/memory.stat`]: "rss 1\ncache 2\ntotal_rss 600\ntotal_cache 400\n",
    [`memory${job}/memory.oom_control`]: "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    [`cpuacct${job}/cpuacct.usage`]: "2500000000\n",
    [`blkio${job}/blkio.throttle.io_service_bytes`]:
      "8:0 Read 4096\n8:0 Write 512\n8:0 Total 4608\nTotal 4608\n",
  };
  const samples = await (
    await drive(groups, {
      ...Object.fromEntries(
        Object.entries(tree).map(([path, text]) => [`sys/fs/cgroup/${path}`, text]),
      ),
      "proc/500/fd/9": linkTo("/dev/nvidia0"),
      "sys/class/drm/renderD128": null,
    })
  ).read();
  expect(of(samples, job)).toEqual({
    info: 1,
    cpu_seconds_total: 2.5,
    memory_used_bytes: 1000,
    memory_anonymous_bytes: 600,
    memory_file_bytes: 400,
    memory_kills_total: 2,
    io_read_bytes_total: 4096,
    io_written_bytes_total: 512,
  });
  expect([...samples.keys()].join("\n")).toContain('job_id="42"');
});

test("tells of 64 groups and counts the rest", async () => {
  const tree: HostTree = {
    ...gpuServerPods(70),
    ...Object.fromEntries(
      Array.from({ length: 62 }, (_, pod) => [`proc/${41_008 + pod}/fd/8`, linkTo("/dev/nvidia0")]),
    ),
  };
  const samples = await (await drive(groups, tree)).read();
  expect(samples.get("warpwatch_cgroups_left_out")).toBe(6);
  expect([...samples.keys()].filter((name) => name.includes("_tasks{"))).toHaveLength(64);
});

test("finds the eight of a GPU server", async () => {
  const samples = await (await drive(groups, gpuServer())).read();
  expect(
    [...samples.keys()].filter((name) => name.startsWith("warpwatch_cgroup_info")),
  ).toHaveLength(8);
});

test("is absent where there is no GPU, no container, and no control group to be seen", async () => {
  const driver = { "sys/class/kfd": null };
  const service = {
    "sys/fs/cgroup/cgroup.controllers": "cpu\n",
    "sys/fs/cgroup/system.slice/sshd.service/cgroup.procs": "9\n",
  };
  expect(await openOutcome(groups, service)).toMatch(/no GPU driver is loaded/);
  expect(await openOutcome(groups, { ...driver, ...service })).toMatch(
    /no control group is that of a pod/,
  );
  expect(await openOutcome(groups, driver)).toMatch(/--path\.sysfs/);
});
