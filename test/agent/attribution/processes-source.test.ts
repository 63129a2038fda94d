import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createGpuDirectory, type GpuProcessUse } from "../../../agent/gpu-directory.ts";
import { createHolders } from "../../../agent/attribution/holders.ts";
import { createJoin } from "../../../agent/attribution/join.ts";
import { socketPathUnder } from "../../../agent/attribution/pod-resources.ts";
import { createGpuProcessesSource } from "../../../agent/attribution/processes-source.ts";
import { createAttributionSource } from "../../../agent/attribution/source.ts";
import type { Reader, Source, SourceContext } from "../../../agent/sources/source.ts";
import { nowhere } from "../../../core/catalog/device.ts";
import { dcgmLabels, gpuDevice, type GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import { temperature } from "../../../core/catalog/gpu.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { labelsOf, type Schema } from "../../../core/wire/frame.ts";
import { createSeriesList } from "../../../core/wire/slots.ts";
import {
  containerId,
  dockerId,
  gpuProcesses,
  gpuProcessesHost,
  podUid,
} from "../../hosts/gpu-processes.ts";
import { linkTo, writeHost } from "../../hosts/tree.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { noProbes } from "../../kit/probes.ts";
import { describeSource } from "../../suites/source-suite.ts";
import { startFakeKubelet, type FakeKubelet } from "./fake-kubelet.ts";

const mebibyte = 1_048_576;
const gpus = [0, 1].map((index): GpuIdentity => ({
  node: "node-1",
  index,
  uuid: `GPU-0000000${index}-1111-2222-3333-444444444444`,
  pciBusId: `00000000:${index}B:00.0`,
  model: "NVIDIA H100 80GB HBM3",
  driverVersion: "580.95.05",
}));
const [first = "", second = ""] = gpus.map(({ uuid }) => uuid);

interface Stage {
  readonly root: string;
  readonly context: SourceContext;
  /** Reads the source as the sampler does: present samples with their labels, by metric. */
  read(): Promise<(name: string) => Record<string, string>[]>;
}

function use(
  { pid }: { readonly pid: number },
  mebibytes: number,
  gpuInstance = "",
): GpuProcessUse {
  return { pid, gpuInstance, memoryBytes: mebibytes * mebibyte };
}

function makeContext(root: string): SourceContext {
  const clock = createFakeClock();
  const directory = createGpuDirectory();
  directory.tell("test", gpus);
  return {
    env: createEnv({ clock, paths: writeHost(root, gpuProcessesHost()) }),
    log: createLog({ clock, write: () => undefined }),
    events: { report: () => undefined },
    host: { kind: "node", id: "n", node: "node-1", name: "n", model: "", place: nowhere },
    probes: noProbes,
    gpus: directory,
    holders: createHolders(),
    stateFolder: "",
  };
}

const options = { kubeletSocket: "", jobFolder: "", tellsProcesses: false };

async function makeStage(tellsProcesses = false, processes = [first, second]): Promise<Stage> {
  const root = makeFolder();
  const context = makeContext(root);
  context.gpus.tellProcesses("test", new Map(processes.map((uuid) => [uuid, []])));
  const read = await openSource(createGpuProcessesSource({ ...options, tellsProcesses }), context);
  return { root, context, read };
}

async function openSource(source: Source, context: SourceContext): Promise<Stage["read"]> {
  const opened = await source.open(context, new AbortController().signal);
  if ("absent" in opened) throw new Error(opened.absent);
  const reader: Reader = opened;
  onTestFinished(() => reader.close());
  return async () => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const list = createSeriesList(2000);
      reader.register(list);
      const column = new Float64Array(list.series.length).fill(Number.NaN);
      if ((await reader.read(column, new AbortController().signal)) === "changed") continue;
      const samples = list.series
        .map((series, slot) => ({ ...labelsOf(series), name: series.metric.name, slot }))
        .filter(({ slot }) => !Number.isNaN(column[slot]))
        .map(({ slot, ...labels }) => ({ ...labels, value: String(column[slot]) }));
      return (name) => samples.filter((sample) => sample.name === `warpwatch_gpu_${name}`);
    }
    throw new Error("the series changed three times in a row");
  };
}

/** The kubelet of this node, with the source that asks it. */
async function addKubelet(
  stage: Stage,
): Promise<{ readonly kubelet: FakeKubelet; readonly ask: () => Promise<unknown> }> {
  const socketPath = socketPathUnder(stage.root);
  mkdirSync(dirname(socketPath), { recursive: true });
  const kubelet = await startFakeKubelet(socketPath);
  onTestFinished(() => kubelet.close());
  return { kubelet, ask: await openSource(createAttributionSource(options), stage.context) };
}

function trainingPod(name: string, uuid: string) {
  const devices = [{ resource: "nvidia.com/gpu", ids: [uuid] }];
  return { namespace: "ml", name, container: "main", devices };
}

function values(samples: readonly Record<string, string>[]): (string | undefined)[] {
  return samples.map(({ value }) => value);
}

/** Labels that hold something, beside those of the GPU. */
function owner(sample: Record<string, string> | undefined): Record<string, string> {
  const { gpu: _gpu, UUID: _uuid, name: _name, ...rest } = sample ?? {};
  return Object.fromEntries(Object.entries(rest).filter(([, text]) => text !== ""));
}

describeSource("gpu_processes", {
  makeSource: () => createGpuProcessesSource(options),
  makeContext: () => {
    const context = makeContext(makeFolder());
    context.gpus.tellProcesses("test", new Map([[first, [use(gpuProcesses.login, 100)]]]));
    return context;
  },
  makeBareContext: () => {
    const context = makeContext(makeFolder());
    rmSync(join(context.env.paths.procfs, "driver"), { recursive: true });
    return context;
  },
});

test.each([
  ["podOfSystemd", { pod_uid: podUid }],
  ["podOfCgroupfs", { pod_uid: podUid }],
  ["jobOfVersion1", { hpc_job: "4711", user: "ada" }],
  ["jobOfVersion2", { hpc_job: "4712", user: "ada" }],
  ["docker", { container_id: dockerId, user: "ada" }],
  ["login", { user: "1002" }],
  ["service", { user: "root" }],
] as const)("says whose the memory of a process is: %s", async (name, labels) => {
  const stage = await makeStage();
  stage.context.gpus.tellProcesses("test", new Map([[first, [use(gpuProcesses[name], 512)]]]));
  const memory = (await stage.read())("process_memory_bytes");
  expect(memory.map(owner)).toEqual([{ ...labels, value: String(512 * mebibyte) }]);
});

test("one owner's processes are one sum, and each is told of by its number only when asked for", async () => {
  const processes = new Map([
    [
      first,
      [
        use(gpuProcesses.podOfSystemd, 100),
        use(gpuProcesses.podOfCgroupfs, 30),
        // The same process, once for computing and once for graphics.
        use(gpuProcesses.podOfCgroupfs, 30),
      ],
    ],
  ]);
  const stage = await makeStage();
  stage.context.gpus.tellProcesses("test", processes);
  expect(values((await stage.read())("process_memory_bytes"))).toEqual([String(130 * mebibyte)]);
  const detailed = await makeStage(true);
  detailed.context.gpus.tellProcesses("test", processes);
  const memory = (await detailed.read())("process_memory_bytes");
  expect(memory.map(({ pid, command, value }) => [pid, command, value])).toEqual([
    ["4101", "python3", String(100 * mebibyte)],
    ["4102", "torchrun", String(30 * mebibyte)],
  ]);
});

test("a pod's process has the names of the kubelet's log folder, or those of the one pod that holds the GPU", async () => {
  const stage = await makeStage();
  const { kubelet, ask } = await addKubelet(stage);
  kubelet.pods = [trainingPod("by-kubelet", first)];
  await ask();
  stage.context.gpus.tellProcesses("test", new Map([[first, [use(gpuProcesses.podOfSystemd, 1)]]]));
  expect((await stage.read())("process_memory_bytes")).toMatchObject([
    { namespace: "ml", pod: "by-kubelet", container: "main" },
  ]);
  const logs = join(stage.root, "var/log/containers");
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, `train-0_research_my-app-${containerId}.log`), "");
  writeFileSync(join(logs, "something else.log"), "");
  expect((await stage.read())("process_memory_bytes")).toMatchObject([
    { namespace: "research", pod: "train-0", container: "my-app" },
  ]);
});

test("on a shared GPU a process isn't given to one of its pods at random", async () => {
  const stage = await makeStage();
  const { kubelet, ask } = await addKubelet(stage);
  kubelet.pods = [trainingPod("a", `${first}::0`), trainingPod("b", `${first}::1`)];
  await ask();
  stage.context.gpus.tellProcesses("test", new Map([[first, [use(gpuProcesses.podOfSystemd, 1)]]]));
  const [memory] = (await stage.read())("process_memory_bytes");
  expect(memory).toMatchObject({ pod_uid: podUid, pod: "" });
});

test("a process of no pod counts on a node with a kubelet, and isn't counted on one without", async () => {
  const stage = await makeStage();
  const uses = [use(gpuProcesses.login, 1), use(gpuProcesses.podOfSystemd, 1)];
  stage.context.gpus.tellProcesses("test", new Map([[first, uses]]));
  expect((await stage.read())("unattributed_processes")).toEqual([]);
  await addKubelet(stage);
  expect((await stage.read())("unattributed_processes")).toMatchObject([{ gpu: "0", value: "1" }]);
});

test("a GPU that a pod holds and no process uses shows until a process comes or the pod goes", async () => {
  const stage = await makeStage();
  const { kubelet, ask } = await addKubelet(stage);
  const held = async (): Promise<(string | undefined)[]> => {
    await ask();
    return values((await stage.read())("held_without_process"));
  };
  expect(await held()).toEqual(["0", "0"]);
  kubelet.pods = [trainingPod("idle", second)];
  expect(await held()).toEqual(["0", "1"]);
  const uses = [use(gpuProcesses.podOfSystemd, 1)];
  stage.context.gpus.tellProcesses(
    "test",
    new Map([
      [first, []],
      [second, uses],
    ]),
  );
  expect(await held()).toEqual(["0", "0"]);
  stage.context.gpus.tellProcesses("test", new Map([[second, []]]));
  expect(await held()).toEqual(["1"]);
  kubelet.pods = [];
  expect(await held()).toEqual(["0"]);
});

test("a part that is held and idle shows though the GPU's other part is busy", async () => {
  const stage = await makeStage();
  const own = { replica: "", namespace: "ml", container: "c", job: "", uuid: first };
  stage.context.holders.set("kubelet", [
    { ...own, pod: "busy", gpuInstance: "1" },
    { ...own, pod: "idle", gpuInstance: "2" },
  ]);
  const uses = [use(gpuProcesses.podOfSystemd, 1, "1")];
  stage.context.gpus.tellProcesses("test", new Map([[first, uses]]));
  const samples = await stage.read();
  expect(values(samples("held_without_process"))).toEqual(["1"]);
  expect(samples("process_memory_bytes")).toMatchObject([{ GPU_I_ID: "1", pod: "busy" }]);
});

test("a Slurm job is on its GPU's series while its process runs, and once if the job folder has it too", async () => {
  const stage = await makeStage();
  const { gpus: directory, holders } = stage.context;
  directory.tellProcesses("test", new Map([[second, [use(gpuProcesses.jobOfVersion2, 1)]]]));
  await stage.read();
  const joined = (): (string | undefined)[] =>
    createJoin(holders)
      .apply(temperatures())
      .series.map((series) => labelsOf(series)["hpc_job"]);
  expect(joined()).toEqual(["", "4712"]);
  const fromFolder = { uuid: second, gpuInstance: "", replica: "", job: "4712" };
  holders.set("jobs", [{ ...fromFolder, namespace: "", pod: "", container: "" }]);
  expect(holders.all).toHaveLength(1);
  holders.set("jobs", null);
  directory.tellProcesses("test", new Map([[second, []]]));
  await stage.read();
  expect(holders.known).toBe(false);
});

test("a process that /proc doesn't show is counted and given to nobody", async () => {
  const stage = await makeStage();
  await addKubelet(stage);
  stage.context.gpus.tellProcesses("test", new Map([[first, [use({ pid: 99 }, 1)]]]));
  const samples = await stage.read();
  expect(values(samples("processes_unreadable"))).toEqual(["1"]);
  expect(samples("process_memory_bytes")).toEqual([]);
  expect(values(samples("unattributed_processes"))).toEqual(["0"]);
});

test("while no driver lists processes nothing is said of them, and of a GPU that is silent neither", async () => {
  const stage = await makeStage(false, [second]);
  expect((await stage.read())("held_without_process")).toMatchObject([{ gpu: "1" }]);
  stage.context.gpus.tellProcesses("test", null);
  const samples = await stage.read();
  expect(samples("held_without_process")).toEqual([]);
  expect(samples("processes_unreadable")).toEqual([]);
});

test("in a process namespace of its own the agent calls no GPU idle", async () => {
  const root = makeFolder();
  const context = makeContext(root);
  writeHost(root, { "proc/self/ns/pid": linkTo("pid:[4026532201]") });
  const own = { replica: "", namespace: "ml", container: "c", job: "", uuid: first };
  context.holders.set("kubelet", [{ ...own, pod: "busy", gpuInstance: "" }]);
  context.gpus.tellProcesses("test", new Map([[first, []]]));
  const read = await openSource(createGpuProcessesSource(options), context);
  expect((await read())("held_without_process")).toEqual([]);
  rmSync(join(root, "proc/self/ns/pid"));
  writeHost(root, { "proc/self/ns/pid": linkTo("pid:[4026531836]") });
  const again = await openSource(createGpuProcessesSource(options), context);
  expect(values((await again())("held_without_process"))).toEqual(["1"]);
});

test("of more owners than the bound those with most memory are told, and the rest counted", async () => {
  const many = Array.from({ length: 300 }, (_, index) => ({
    pid: 10_000 + index,
    command: "p",
    userId: 2000 + index,
    cgroup: "0::/user.slice\n",
  }));
  const stage = await makeStage();
  writeHost(stage.root, gpuProcessesHost(many));
  const uses = many.map((process, index) => use(process, index + 1));
  stage.context.gpus.tellProcesses("test", new Map([[first, uses]]));
  const samples = await stage.read();
  const memory = samples("process_memory_bytes");
  expect(memory).toHaveLength(256);
  expect(Math.min(...values(memory).map(Number))).toBe(45 * mebibyte);
  expect(values(samples("process_owners_left_out"))).toEqual(["44"]);
});

/** One series per GPU, as GPU sources register them. */
function temperatures(): Schema {
  const series = gpus.map((gpu) => ({
    metric: temperature,
    values: temperature.labels.map((name) => dcgmLabels(gpu)[name]),
    device: gpuDevice(gpu, nowhere),
  }));
  const origin = { node: "node-1", job: "", instance: "", boot: "" };
  return { origin, version: 1, groups: [], series };
}
