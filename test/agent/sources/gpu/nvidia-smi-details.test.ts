import { describe, expect, onTestFinished, test } from "vitest";
import { createNvidiaSmiDetails } from "../../../../agent/sources/gpu/nvidia-smi-details.ts";
import type { ReportOptions } from "../../../../agent/sources/gpu/nvidia-smi-report-session.ts";
import { createNvidiaSmiSource } from "../../../../agent/sources/gpu/nvidia-smi.ts";
import { createSiblings } from "../../../../agent/sources/gpu/nvidia-smi-process.ts";
import { standBy } from "../../../../agent/sources/gpu/stand-by.ts";
import type { Reader, Source, SourceContext } from "../../../../agent/sources/source.ts";
import { labelsOf } from "../../../../core/wire/frame.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
import { createFakeNvidiaSmi, fakeGpu } from "../../../kit/fake-nvidia-smi.ts";
import { makeFolder } from "../../../kit/folder.ts";
import {
  reportGpu,
  reportInstance,
  reportProcess,
  reportUuid,
  reportXml,
} from "../../../kit/nvidia-smi-report.ts";
import { describeSource } from "../../../suites/source-suite.ts";
import { makeContext, quick } from "./nvidia-smi-harness.ts";

const patient: Partial<ReportOptions> = { patienceMilliseconds: 10_000, freshMilliseconds: 0 };
const twoGpus = reportXml([reportGpu(0), reportGpu(1)]);

type Samples = ReadonlyMap<string, number>;

interface Opened {
  readonly reader: Reader;
  read(): Promise<Samples>;
}

function detailsOf(options: Partial<ReportOptions> = patient): [details: Source, repeated: Source] {
  const [details, repeated] = createNvidiaSmiDetails(options);
  if (!details || !repeated) throw new Error("two sources were expected");
  return [details, repeated];
}

async function up(source: Source, context: SourceContext): Promise<Opened> {
  const opened = await source.open(context, AbortSignal.timeout(15_000));
  if ("absent" in opened) throw new Error(opened.absent);
  onTestFinished(() => opened.close());
  return { reader: opened, read: () => readPresent(opened) };
}

/** Present samples by name, the labels beside the GPU's, and its number. */
async function readPresent(reader: Reader): Promise<Samples> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const list = createSeriesList(5000);
    reader.register(list);
    const column = new Float64Array(list.series.length).fill(Number.NaN);
    if ((await reader.read(column, AbortSignal.timeout(15_000))) === "changed") continue;
    const named = list.series.map((series, slot) => {
      const { gpu, UUID: _uuid, Hostname: _host, modelName: _model, ...rest } = labelsOf(series);
      const { device: _device, pci_bus_id: _place, DCGM_FI_DRIVER_VERSION: _v, ...extra } = rest;
      const told = Object.values(extra).filter((text) => text !== "");
      return [[series.metric.name, ...told, gpu].join(" "), column[slot] ?? Number.NaN] as const;
    });
    return new Map(named.filter(([, value]) => !Number.isNaN(value)));
  }
  throw new Error("the series changed three times in a row");
}

describeSource("nvidia_smi_details", {
  makeSource: () => detailsOf()[0],
  makeContext: () => makeContext(createFakeNvidiaSmi({ report: twoGpus }).path),
  makeBareContext: () => makeContext(makeFolder()),
});

describe("nvidia-smi's report", () => {
  test("gives what the fast source lacks, and what is of the fast class every second", async () => {
    const context = makeContext(createFakeNvidiaSmi({ report: twoGpus }).path);
    const [details, repeated] = detailsOf();
    const slow = await up(details, context);
    const samples = await slow.read();
    expect(samples.get("warpwatch_gpu_ecc_errors_total sram uncorrected volatile 1")).toBe(9);
    expect(samples.get("DCGM_FI_DEV_POWER_MGMT_LIMIT 0")).toBe(650);
    expect(samples.get("warpwatch_gpu_processes compute 1")).toBe(0);
    expect(samples.get("warpwatch_gpu_board_info 692-2G520-0200-000 G520.0200.00.05 0")).toBe(1);
    expect([...samples.keys()].filter((name) => name.includes("BAR1"))).toEqual([]);
    const fast = await (await up(repeated, context)).read();
    expect([...fast]).toEqual([
      ["DCGM_FI_DEV_BAR1_TOTAL 0", 131_072],
      ["DCGM_FI_DEV_BAR1_USED 0", 17],
      ["DCGM_FI_DEV_PCIE_REPLAY_COUNTER 0", 150],
      ["DCGM_FI_DEV_BAR1_TOTAL 1", 131_072],
      ["DCGM_FI_DEV_BAR1_USED 1", 17],
      ["DCGM_FI_DEV_PCIE_REPLAY_COUNTER 1", 150],
    ]);
  });

  test("a GPU goes by the number that the fast source knows", async () => {
    const context = makeContext(createFakeNvidiaSmi({ report: twoGpus }).path);
    const known = {
      node: "node-a",
      uuid: reportUuid(1),
      pciBusId: "",
      model: "",
      driverVersion: "",
    };
    context.gpus.tell("nvidia_smi", [{ ...known, index: 7 }]);
    const samples = await (await up(detailsOf()[0], context)).read();
    expect(samples.get("DCGM_FI_DEV_POWER_MGMT_LIMIT 7")).toBe(650);
  });

  test("a GPU that is lost or no longer listed has no values, and the other goes on", async () => {
    const fake = createFakeNvidiaSmi({ report: twoGpus });
    const opened = await up(detailsOf()[0], makeContext(fake.path));
    await opened.read();
    for (const gone of [[reportGpu(1, { fabric: "GPU is lost" })], []]) {
      fake.set({ report: reportXml([reportGpu(0), ...gone]) });
      const names = [...(await opened.read()).keys()];
      expect(names.filter((name) => name.endsWith(" 1"))).toEqual([]);
      expect(names.filter((name) => name.endsWith(" 0")).length).toBeGreaterThan(20);
    }
  });

  test("MIG instances have their memory, profile and UUID, and another layout is seen", async () => {
    const devices = (size: number): string =>
      `<mig_devices>${reportInstance(0, 2, size)}</mig_devices>`;
    const line = (profile: string, uuid: string): string =>
      `GPU 0: NVIDIA H100 (UUID: ${reportUuid(0)})\n  MIG ${profile}  Device  0: (UUID: ${uuid})\n`;
    const fake = createFakeNvidiaSmi({
      report: reportXml([reportGpu(0, {}, devices(20_096))]),
      list: line("2g.20gb", "MIG-aa"),
    });
    const context = makeContext(fake.path);
    const [details, repeated] = detailsOf();
    const slow = await up(details, context);
    const fast = await up(repeated, context);
    let samples = await fast.read();
    expect(samples.get("DCGM_FI_DEV_FB_TOTAL 2g.20gb 2 0")).toBe(20_096);
    expect(samples.get("warpwatch_gpu_instance_info 2 2g.20gb MIG-aa 0")).toBe(1);
    const instance = { parentUuid: reportUuid(0), gpuInstance: "2" };
    expect(context.gpus.instances).toEqual([{ ...instance, uuid: "MIG-aa" }]);
    await slow.read();
    expect(fake.queries.filter(({ flags }) => flags.includes("-L"))).toHaveLength(1);
    fake.set({
      report: reportXml([reportGpu(0, {}, devices(9984))]),
      list: line("1g.10gb", "MIG-bb"),
    });
    await slow.read();
    samples = await fast.read();
    expect(samples.get("DCGM_FI_DEV_FB_TOTAL 1g.10gb 2 0")).toBe(9984);
    expect(context.gpus.instances).toEqual([{ ...instance, uuid: "MIG-bb" }]);
    fake.set({ report: reportXml([reportGpu(0)]) });
    await slow.read();
    expect([...(await fast.read()).keys()].filter((name) => name.includes("FB"))).toEqual([]);
    expect(context.gpus.instances).toEqual([]);
  });

  test("names the processes of each GPU until it is closed", async () => {
    const list = [reportProcess(41, "C", "100 MiB"), reportProcess(42, "C+G", "N/A")];
    const report = twoGpus.replace(
      /<processes>\s*<\/processes>/,
      `<processes>${list.join("")}</processes>`,
    );
    const context = makeContext(createFakeNvidiaSmi({ report }).path);
    const opened = await up(detailsOf()[0], context);
    const samples = await opened.read();
    expect(samples.get("warpwatch_gpu_processes compute 0")).toBe(2);
    expect(samples.get("warpwatch_gpu_processes graphics 0")).toBe(1);
    expect(context.gpus.processes?.get(reportUuid(0))).toMatchObject([
      { pid: 41, memoryBytes: 104_857_600 },
      { pid: 42, memoryBytes: Number.NaN },
    ]);
    expect(context.gpus.processes?.get(reportUuid(1))).toEqual([]);
    opened.reader.close();
    expect(context.gpus.processes).toBeNull();
  });

  test("one that hangs in the driver is told to end, left alone, and no second one is started", async () => {
    const fake = createFakeNvidiaSmi({ report: twoGpus });
    const hasty = { freshMilliseconds: 0, patienceMilliseconds: 1500, deadlineMilliseconds: 1400 };
    const { reader } = await up(detailsOf(hasty)[0], makeContext(fake.path));
    const before = fake.queries.length;
    fake.set({ mood: "deaf" });
    await expect(readPresent(reader)).rejects.toThrow(/has not finished its report in \d+ s/);
    await expect(readPresent(reader)).rejects.toThrow(
      /hangs in the driver: no second one is started/,
    );
    expect(fake.queries.length).toBe(before + 1);
    fake.set({ mood: "well" });
    const samples = await untilUp(reader);
    expect(samples.get("DCGM_FI_DEV_POWER_MGMT_LIMIT 0")).toBe(650);
  });

  test("a slow report doesn't hold the round up; the next round takes it", async () => {
    const fake = createFakeNvidiaSmi({ report: twoGpus });
    const options = { freshMilliseconds: 0, patienceMilliseconds: 1500 };
    const opened = await up(detailsOf(options)[0], makeContext(fake.path));
    fake.set({
      mood: "silent",
      report: reportXml([reportGpu(0, { "ecc_mode/current_ecc": "Disabled" })]),
    });
    expect((await opened.read()).get("DCGM_FI_DEV_ECC_CURRENT 0")).toBe(1);
    const before = fake.queries.length;
    fake.set({ mood: "well" });
    expect((await opened.read()).get("DCGM_FI_DEV_ECC_CURRENT 0")).toBe(0);
    expect(fake.queries.length).toBe(before);
  });

  test("one GPU that can't be opened is left out of the next report", async () => {
    const fake = createFakeNvidiaSmi({ report: twoGpus });
    const opened = await up(detailsOf()[0], makeContext(fake.path));
    const output = "Unable to determine the device handle for GPU0000:01:00.0: Unknown Error\n";
    fake.set({ end: { code: 255, output, errors: "" } });
    await expect(opened.read()).rejects.toThrow("Unable to determine the device handle");
    fake.set({ end: undefined, report: reportXml([reportGpu(0)]) });
    expect((await opened.read()).get("DCGM_FI_DEV_ECC_CURRENT 0")).toBe(1);
    expect(fake.queries.at(-1)?.flags).toEqual(["-q", "-x", "--id=00000000:00:00.0"]);
  });

  test.each([
    [
      "a message",
      { code: 9, output: "NVIDIA-SMI has failed\n", errors: "" },
      "NVIDIA-SMI has failed",
    ],
    [
      "half a report",
      { code: 0, output: twoGpus.slice(0, 900), errors: "" },
      "breaks off inside of",
    ],
  ])("is down with one sentence where it prints %s", async (_, end, sentence) => {
    const context = makeContext(createFakeNvidiaSmi({ end }).path);
    await expect(up(detailsOf()[0], context)).rejects.toThrow(sentence);
  });

  test("is absent where it finds no GPU, and so is what would repeat it", async () => {
    const end = { code: 6, output: "No devices were found\n", errors: "" };
    const context = makeContext(createFakeNvidiaSmi({ end }).path);
    const [details, repeated] = detailsOf();
    const reason = { absent: "nvidia-smi finds no GPU" };
    const { signal } = new AbortController();
    expect(
      await Promise.all([repeated.open(context, signal), details.open(context, signal)]),
    ).toEqual([reason, reason]);
  });

  test("releases the GPUs: every process ends within two seconds and none is started for a while", async () => {
    const fake = createFakeNvidiaSmi({ report: twoGpus, gpus: [fakeGpu(0)] });
    const context = makeContext(fake.path);
    const siblings = createSiblings();
    const loop = createNvidiaSmiSource({ ...quick, siblings, holdMilliseconds: 1500 });
    const [details] = detailsOf({ ...patient, siblings });
    const [fast, slow] = [await up(loop, context), await up(details, context)];
    const pid = fake.queries.find(({ flags }) =>
      flags.some((each) => each.startsWith("--loop")),
    )?.pid;
    expect(await loop.release?.()).toBe(true);
    expect(() => process.kill(pid ?? 0, 0)).toThrow("ESRCH");
    await expect(slow.read()).rejects.toThrow("the GPUs were released for their driver");
    await expect(fast.read()).rejects.toThrow();
    const samples = await untilUp(fast.reader);
    expect(samples.get("DCGM_FI_DEV_GPU_TEMP 0")).toBe(52);
  });

  test("gives way to a better source and starts no process any more", async () => {
    const fake = createFakeNvidiaSmi({ report: twoGpus });
    let reason: string | null = null;
    const better = { tried: () => Promise.resolve(), whyNotNeeded: () => reason };
    const context = makeContext(fake.path);
    const opened = await up(standBy(detailsOf()[0], better), context);
    await opened.read();
    reason = "NVML is read instead";
    const before = fake.queries.length;
    expect((await opened.read()).size).toBe(0);
    expect(fake.queries.length).toBe(before);
    expect(context.gpus.processes).toBeNull();
  });
});

async function untilUp(reader: Reader): Promise<Samples> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      return await readPresent(reader);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("it never came up again");
}
