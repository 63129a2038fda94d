import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createGpuDirectory } from "../../../agent/gpu-directory.ts";
import { createHolders } from "../../../agent/attribution/holders.ts";
import { createJoin } from "../../../agent/attribution/join.ts";
import { socketPathUnder } from "../../../agent/attribution/pod-resources.ts";
import { createAttributionSource } from "../../../agent/attribution/source.ts";
import type { Reader, SourceContext } from "../../../agent/sources/source.ts";
import { nowhere } from "../../../core/catalog/device.ts";
import { temperature } from "../../../core/catalog/gpu.ts";
import { dcgmLabels, gpuDevice, type GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { labelsOf, type Schema } from "../../../core/wire/frame.ts";
import { createSeriesList } from "../../../core/wire/slots.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { noProbes } from "../../kit/probes.ts";
import { startFakeKubelet, type FakeKubelet, type FakePod } from "./fake-kubelet.ts";

const gpus = [0, 1].map((index): GpuIdentity => ({
  node: "node-1",
  index,
  uuid: `GPU-0000000${index}-1111-2222-3333-444444444444`,
  pciBusId: `00000000:${index}B:00.0`,
  model: "NVIDIA H100 80GB HBM3",
  driverVersion: "550.54.15",
}));
const uuids = gpus.map(({ uuid }) => uuid);

function training(name: string, ...ids: string[]): FakePod {
  return {
    namespace: "ml",
    name,
    container: "main",
    devices: [{ resource: "nvidia.com/gpu", ids }],
  };
}

interface Stage {
  readonly kubelet: FakeKubelet;
  readonly socketPath: string;
  readonly context: SourceContext;
  readonly clock: ReturnType<typeof createFakeClock>;
  read(): Promise<Record<string, string>[]>;
  /** The holders' labels on each GPU's temperature, as the page would show them. */
  page(): Record<string, string>[];
}

async function makeStage(jobFolder = ""): Promise<Stage> {
  const root = makeFolder();
  const socketPath = socketPathUnder(root);
  mkdirSync(dirname(socketPath), { recursive: true });
  const kubelet = await startFakeKubelet(socketPath);
  onTestFinished(() => kubelet.close());
  const clock = createFakeClock();
  const holders = createHolders();
  const directory = createGpuDirectory();
  directory.tell("test", gpus, [
    {
      uuid: "MIG-aaaaaaaa-1111-2222-3333-444444444444",
      parentUuid: uuids[1] ?? "",
      gpuInstance: "5",
    },
  ]);
  const context: SourceContext = {
    env: createEnv({ clock, paths: { procfs: "/proc", sysfs: "/sys", rootfs: root } }),
    log: createLog({ clock, write: () => undefined }),
    events: { report: () => undefined },
    host: { kind: "node", id: "n", node: "node-1", name: "n", model: "", place: nowhere },
    probes: noProbes,
    gpus: directory,
    holders,
    stateFolder: "",
  };
  const source = createAttributionSource({ kubeletSocket: "", jobFolder, tellsProcesses: false });
  const opened = await source.open(context, new AbortController().signal);
  if ("absent" in opened) throw new Error(opened.absent);
  const reader: Reader = opened;
  onTestFinished(() => reader.close());
  const joining = createJoin(holders);
  const schema = temperatures();
  return {
    kubelet,
    socketPath,
    context,
    clock,
    async read() {
      for (;;) {
        const list = createSeriesList(1000);
        reader.register(list);
        const column = new Float64Array(list.series.length).fill(Number.NaN);
        if ((await reader.read(column, new AbortController().signal)) === "changed") continue;
        return list.series
          .map((series, slot) => ({ ...labelsOf(series), name: series.metric.name, slot }))
          .map(({ slot, ...labels }) => ({ ...labels, value: String(column[slot]) }));
      }
    },
    page: () => joining.apply(schema).series.map((series) => labelsOf(series)),
  };
}

/** One series per GPU and one of a MIG instance, as GPU sources register them. */
function temperatures(): Schema {
  const series = gpus.map((gpu) => ({
    metric: temperature,
    values: temperature.labels.map((name) => dcgmLabels(gpu)[name]),
    device: gpuDevice(gpu, nowhere),
  }));
  const origin = { node: "node-1", job: "", instance: "", boot: "" };
  return { origin, version: 1, groups: [], series };
}

test("a pod's name, namespace and container are on its GPU's series and on no other's", async () => {
  const stage = await makeStage();
  stage.kubelet.pods = [training("train-0", uuids[0] ?? "")];
  const series = await stage.read();
  expect(stage.page()).toMatchObject([
    { gpu: "0", pod: "train-0", namespace: "ml", container: "main", vgpu: "" },
    { gpu: "1", pod: "", namespace: "", container: "" },
  ]);
  expect(series.find(({ name }) => name === "warpwatch_gpu_holder_info")).toMatchObject({
    gpu: "0",
    pod: "train-0",
  });
  expect(
    series.filter(({ name }) => name === "warpwatch_gpu_holders").map(({ value }) => value),
  ).toEqual(["1", "0"]);
});

test("a pod that has ended is gone at the next read, and the next one takes its place", async () => {
  const stage = await makeStage();
  stage.kubelet.pods = [training("old", uuids[0] ?? "")];
  await stage.read();
  stage.kubelet.pods = [training("new", uuids[0] ?? "")];
  await stage.read();
  expect(stage.page()[0]).toMatchObject({ pod: "new" });
  stage.kubelet.pods = [];
  await stage.read();
  expect(stage.page()[0]).toMatchObject({ pod: "" });
});

test("a shared GPU lists every holder and carries the labels of the first by name", async () => {
  const stage = await makeStage();
  stage.kubelet.pods = [training("b", `${uuids[0]}::1`), training("a", `${uuids[0]}::0`)];
  const series = await stage.read();
  const shares = series.filter(({ name }) => name === "warpwatch_gpu_holder_info");
  expect(shares.map(({ pod, vgpu }) => `${pod} ${vgpu}`)).toEqual(["a 0", "b 1"]);
  expect(stage.page()[0]).toMatchObject({ pod: "a", vgpu: "0" });
});

test.each([
  ["MIG-aaaaaaaa-1111-2222-3333-444444444444", "1", "5"],
  [`MIG-${uuids[1]}/3/0`, "1", "3"],
  ["nvidia1/gi2", "1", "2"],
  ["nvidia0", "0", ""],
])("the device id %s is GPU %s, instance %s", async (id, gpu, instance) => {
  const stage = await makeStage();
  stage.kubelet.pods = [training("p", id)];
  const held = (await stage.read()).find(({ name }) => name === "warpwatch_gpu_holder_info");
  expect(held).toMatchObject({ gpu, GPU_I_ID: instance, pod: "p" });
});

test("a claimed device counts as held, a NIC's function doesn't, and an unknown GPU is visible", async () => {
  const stage = await makeStage();
  stage.kubelet.pods = [
    {
      namespace: "ml",
      name: "claims",
      container: "c",
      claim: { name: "one-gpu", driver: "gpu.nvidia.com", pool: "node-1", device: uuids[1] ?? "" },
    },
    {
      namespace: "ml",
      name: "rdma",
      container: "c",
      devices: [{ resource: "nvidia.com/sriov", ids: ["0000:c1:00.3"] }],
    },
    training("lost", "GPU-99999999-0000-0000-0000-000000000000"),
  ];
  const series = await stage.read();
  expect(series.filter(({ name }) => name === "warpwatch_gpu_holder_info")).toMatchObject([
    { gpu: "1", pod: "claims" },
  ]);
  expect(series.find(({ name }) => name === "warpwatch_gpu_unmatched_holders")).toMatchObject({
    value: "1",
  });
});

test("a GPU that the device plug-in has withdrawn shows, and an old kubelet says nothing of it", async () => {
  const stage = await makeStage();
  const handedOut = (series: Record<string, string>[]): (string | undefined)[] =>
    series.filter(({ name }) => name === "warpwatch_gpu_allocatable").map(({ value }) => value);
  expect(handedOut(await stage.read())).toEqual(["NaN", "NaN"]);
  stage.kubelet.allocatable = ["MIG-aaaaaaaa-1111-2222-3333-444444444444"];
  expect(handedOut(await stage.read())).toEqual(["0", "1"]);
});

test("while the kubelet fails the source is down; its last answer holds a minute and no longer", async () => {
  const stage = await makeStage();
  stage.kubelet.pods = [training("p", uuids[0] ?? "")];
  await stage.read();
  stage.kubelet.answer = new Error("too many requests");
  await expect(stage.read()).rejects.toThrow(/PodResourcesLister\/List: status \d+/);
  expect(stage.page()[0]).toMatchObject({ pod: "p" });
  await stage.clock.advance(61_000);
  await expect(stage.read()).rejects.toThrow();
  expect(stage.page()[0]).not.toHaveProperty("pod");
  stage.kubelet.answer = undefined;
  await stage.read();
  expect(stage.page()[0]).toMatchObject({ pod: "p" });
});

test.each([
  ["cut short", Buffer.from([0x0a, 0x7f, 0x01])],
  ["with a field 0", Buffer.from([0x02, 0x00])],
  ["of random bytes", Buffer.from("ffffffffffffffffffffffff", "hex")],
])("an answer %s is refused with one sentence", async (_, answer) => {
  const stage = await makeStage();
  stage.kubelet.answer = answer;
  await expect(stage.read()).rejects.toThrow(/not a Protocol Buffers message/);
});

test("a kubelet that never answers is given up after two seconds", async () => {
  const stage = await makeStage();
  stage.kubelet.answer = "never";
  const started = performance.now();
  // The server itself may end the call at its deadline.
  await expect(stage.read()).rejects.toThrow(/no answer within 2000 ms|status 4/);
  expect(performance.now() - started).toBeLessThan(4000);
});

test("where the kubelet's socket is taken away nobody is said to hold anything", async () => {
  const stage = await makeStage();
  stage.kubelet.pods = [training("p", uuids[0] ?? "")];
  await stage.read();
  stage.kubelet.close();
  rmSync(stage.socketPath, { force: true });
  await stage.read();
  expect(stage.page()[0]).not.toHaveProperty("pod");
});

test("the folder of HPC jobs gives the job of a GPU and of a MIG instance", async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "0"), "4711\n");
  writeFileSync(join(folder, "1.5"), "4712\n\n4713\n");
  writeFileSync(join(folder, "README"), "not a GPU\n");
  const stage = await makeStage(folder);
  stage.kubelet.pods = [training("p", uuids[0] ?? "")];
  const series = await stage.read();
  expect(stage.page()[0]).toMatchObject({ pod: "p", hpc_job: "4711" });
  const jobs = series.filter(({ hpc_job, GPU_I_ID }) => hpc_job !== "" && GPU_I_ID === "5");
  expect(jobs.map(({ hpc_job }) => hpc_job)).toEqual(["4712", "4713"]);
});

test("says absent on a machine without a kubelet and without a folder of jobs", async () => {
  const source = createAttributionSource({
    kubeletSocket: "/nowhere",
    jobFolder: "",
    tellsProcesses: false,
  });
  const { context } = await makeStage();
  const opened = await source.open(context, new AbortController().signal);
  expect("absent" in opened && opened.absent).toContain("/nowhere");
});
