import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { entityGroups } from "../../../../agent/probes/dcgm/layouts.ts";
import { createDcgmSources } from "../../../../agent/sources/gpu/dcgm.ts";
import { createServedSeries } from "../../../../agent/sources/gpu/served-series.ts";
import { createNvmlSources } from "../../../../agent/sources/gpu/nvml.ts";
import type { Source } from "../../../../agent/sources/source.ts";
import { createSeriesList } from "../../../../core/wire/slots.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { buildDcgmStandIn, buildNvmlStandIn, buildStandIn } from "../../../standins/build.ts";
import { address, createDcgmControl, fields, uuidOf } from "../../../standins/dcgm-control.ts";
import { createNvmlControl } from "../../../standins/nvml-control.ts";
import { uuidOf as uuidOfNvml } from "../../../standins/nvml-profiles.ts";
import { describeSource } from "../../../suites/source-suite.ts";
import { createDcgmHarness, makeDcgmContext } from "./dcgm-harness.ts";

const { gpu, switch: nvswitch, gpuInstance, cpu } = entityGroups;
const alone = { tried: () => Promise.resolve(), whyNotNeeded: () => null };

for (const position of [0, 1])
  describeSource(position === 0 ? "dcgm" : "dcgm_details", {
    makeSource: () => {
      const flags = { address, collectorsFile: "" };
      const source = createDcgmSources(flags, createServedSeries(), alone).sources[position];
      if (!source) throw new Error("there is no such source");
      return source;
    },
    makeContext: () => makeDcgmContext(createDcgmControl(makeFolder()), buildDcgmStandIn()).context,
    makeBareContext: () => makeDcgmContext(createDcgmControl(makeFolder()), "/nowhere.so").context,
  });

describe("DCGM", () => {
  test("tells everything it knows of every GPU where NVML serves nothing, with what all makes share", async () => {
    const { up } = createDcgmHarness();
    const samples = await (await up()).read();
    expect(samples.get("DCGM_FI_DEV_GPU_TEMP{gpu=1}")).toBe(46);
    expect(samples.get("DCGM_FI_DEV_POWER_USAGE{gpu=0}")).toBe(301.5);
    expect(samples.get("DCGM_FI_PROF_SM_ACTIVE{gpu=0}")).toBe(0.75);
    expect(samples.get("DCGM_FI_DEV_FB_USED{gpu=1}")).toBe(10_001);
    expect(samples.get("warpwatch_gpu_utilization_ratio{gpu=0,vendor=nvidia}")).toBe(0.8);
    expect(samples.has("DCGM_FI_DEV_MEMORY_TEMP{gpu=0}")).toBe(false);
  });

  test("tells the directory which GPUs there are, and labels them as the driver names them", async () => {
    const { up, context } = createDcgmHarness();
    await (await up()).read();
    expect(context.gpus.gpus.map(({ index, uuid }) => [index, uuid])).toEqual([
      [0, uuidOf(0)],
      [1, uuidOf(1)],
    ]);
    expect(context.gpus.find("0000:11:00")).toMatchObject({
      uuid: uuidOf(1),
      model: "NVIDIA A100-SXM4-80GB",
      driverVersion: "580.95.05",
    });
  });

  test("a value that isn't there is absent, whatever DCGM calls that, and the others are there", async () => {
    const { up, control } = createDcgmHarness({ gpus: 1 });
    const opened = await up();
    const all = await opened.read();
    const absences = {
      [fields.temperature]: "blank",
      [fields.power]: "not_found",
      [fields.memoryUsed]: "not_supported",
      [fields.smActive]: "no_permission",
      [fields.tensorActive]: "status -18",
    };
    for (const [field, absence] of Object.entries(absences))
      control.field(gpu, 0, Number(field), absence);
    const samples = await opened.until((found) => !found.has("DCGM_FI_DEV_GPU_TEMP{gpu=0}"));
    const theirs = (found: ReadonlyMap<string, number>) =>
      [...found.keys()].filter((name) => name.startsWith("DCGM_"));
    expect(theirs(all)).toHaveLength(6);
    expect(theirs(samples)).toEqual(["DCGM_FI_DEV_GPU_UTIL{gpu=0}"]);
    control.field(gpu, 0, fields.temperature, 50);
    await opened.until((found) => found.get("DCGM_FI_DEV_GPU_TEMP{gpu=0}") === 50);
  });

  test("a chip that can't be profiled doesn't keep the others from it", async () => {
    const { up, control, said } = createDcgmHarness();
    control.change(`${gpu}:0`, { profiling: 0 });
    const samples = await (await up()).read();
    expect(samples.get("DCGM_FI_PROF_SM_ACTIVE{gpu=1}")).toBe(0.75);
    expect(samples.has("DCGM_FI_PROF_SM_ACTIVE{gpu=0}")).toBe(false);
    expect(samples.get("DCGM_FI_DEV_GPU_TEMP{gpu=0}")).toBe(45);
    expect(said.join("")).toContain("Profiling is not supported");
  });

  test("tells MIG instances under their GPU, with profile and number", async () => {
    const { up, control } = createDcgmHarness();
    control.change(`${gpuInstance}:5`, {
      gpu: 1,
      nvml_instance: 9,
      "field.50": "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
      "field.54": "MIG-5a1e0000-0000-4000-8000-000000000109",
      [`field.${fields.smActive}`]: 0.25,
    });
    control.list(gpuInstance, [5]);
    const samples = await (await up()).read();
    expect(samples.get("DCGM_FI_PROF_SM_ACTIVE{gpu=1,GPU_I_PROFILE=1g.10gb,GPU_I_ID=9}")).toBe(
      0.25,
    );
    expect(samples.get("DCGM_FI_PROF_SM_ACTIVE{gpu=1}")).toBe(0.75);
  });

  test("notices an instance that is made while it reads", async () => {
    const { up, control } = createDcgmHarness({ gpus: 1 });
    const [fast, slow] = [await up(), await up("dcgm_details")];
    await fast.read();
    await slow.read();
    control.change(`${gpuInstance}:0`, {
      gpu: 0,
      nvml_instance: 7,
      "field.50": "2g.20gb",
      "field.1002": 0.5,
    });
    control.list(gpuInstance, [0]);
    const name = "DCGM_FI_PROF_SM_ACTIVE{gpu=0,GPU_I_PROFILE=2g.20gb,GPU_I_ID=7}";
    await beyondYoung();
    await slow.read();
    expect((await fast.until((found) => found.has(name))).get(name)).toBe(0.5);
  });

  test("tells NVSwitches, their links and NVIDIA's processors", async () => {
    const { up, control } = createDcgmHarness();
    control.change(`${nvswitch}:3`, { [`field.${fields.switchTemperature}`]: 61, links: "UD-U" });
    const link = (number: number): string =>
      `${entityGroups.link}:${3 + number * 2 ** 8 + 3 * 2 ** 16}`;
    control.change(link(0), { [`field.${fields.linkCrcErrors}`]: 12 });
    control.change(link(3), { [`field.${fields.linkCrcErrors}`]: 4 });
    control.change(`${cpu}:0`, { "field.1110": 55.5, "field.1130": 180 });
    control.list(nvswitch, [3]);
    control.list(cpu, [0]);
    const samples = await (await up("dcgm_details")).read();
    expect(samples.get("DCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT{nvswitch=nvswitch3}")).toBe(61);
    expect(
      [...samples].filter(([name]) => name.startsWith("DCGM_FI_DEV_NVSWITCH_LINK_CRC_ERRORS")),
    ).toEqual([
      ["DCGM_FI_DEV_NVSWITCH_LINK_CRC_ERRORS{nvlink=0,nvswitch=nvswitch3}", 12],
      ["DCGM_FI_DEV_NVSWITCH_LINK_CRC_ERRORS{nvlink=3,nvswitch=nvswitch3}", 4],
    ]);
    expect(samples.get("DCGM_FI_DEV_CPU_TEMP_CURRENT{cpu=0}")).toBe(55.5);
    expect(samples.get("DCGM_FI_DEV_CPU_POWER_UTIL_CURRENT{cpu=0}")).toBe(180);
  });

  test.each([5, 4])(
    "tells what the health watches find (response version %d), and reports it once",
    async (version) => {
      const { up, control, events } = createDcgmHarness();
      control.change("system", { health_version: version });
      control.change(`${gpu}:1`, {
        "health.16": "20 4 Detected 2 volatile double-bit ECC error(s) in GPU 1.",
      });
      control.change(`${nvswitch}:0`, { "health.2048": "20 15 Fatal error" });
      control.list(nvswitch, [0]);
      const opened = await up("dcgm_details");
      const name = (health: string, code: string) =>
        `DCGM_EXP_GPU_HEALTH_STATUS{gpu=1,health_watch=${health},health_error_code=${code}}`;
      const samples = await opened.read();
      expect(samples.get(name("MEM", "DCGM_FR_VOLATILE_DBE_DETECTED"))).toBe(20);
      expect(samples.get(name("PCIE", "DCGM_FR_OK"))).toBe(0);
      expect(
        samples.get("warpwatch_nvswitch_health{nvswitch=nvswitch0,system=nvswitch_fatal}"),
      ).toBe(20);
      expect(
        samples.get("warpwatch_nvswitch_health{nvswitch=nvswitch0,system=nvswitch_nonfatal}"),
      ).toBe(0);
      await beyondYoung();
      await opened.read();
      expect(events.map(({ kind, device, fields: { error } }) => [kind, device, error])).toEqual([
        ["gpu_driver", uuidOf(1), "DCGM_FR_VOLATILE_DBE_DETECTED"],
        ["gpu_driver", "nvswitch0", "DCGM_FR_NVSWITCH_FATAL_ERROR"],
      ]);
      control.change(`${gpu}:1`, { "health.16": null });
      await opened.until((found) => found.get(name("MEM", "DCGM_FR_OK")) === 0);
    },
  );
});

describe("a host engine", () => {
  test("that isn't there is named, and one that nobody asked for is no fault", async () => {
    const { open, control } = createDcgmHarness();
    control.stopEngine();
    await expect(open()).rejects.toThrow(/no host engine answers at localhost:5555: .*DCGM -21/);
    const unasked = createDcgmHarness({ address: "" });
    unasked.control.stopEngine();
    mkdirSync(join(unasked.context.env.paths.procfs, "driver/nvidia"), { recursive: true });
    expect(await unasked.open()).toMatch(/no host engine answers at localhost:5555/);
    unasked.control.startEngine();
    expect((await (await unasked.up()).read()).size).toBeGreaterThan(5);
  });

  test("that ends takes its values with it, and is read again when it is back", async () => {
    const { up, control, dcgm } = createDcgmHarness();
    const [fast, slow] = [await up(), await up("dcgm_details")];
    await fast.read();
    expect(dcgm.whyNotNeeded()).toBe("DCGM is read instead: it tells more and costs less");
    control.stopEngine();
    await beyondYoung();
    await expect(fast.read()).rejects.toThrow(/the host engine is gone.*DCGM -21/);
    await expect(slow.read()).rejects.toThrow(/host engine/);
    expect(dcgm.whyNotNeeded()).toBeNull();
    control.startEngine();
    const back = await fast.until((found) => found.size > 0);
    expect(back.get("DCGM_FI_DEV_GPU_TEMP{gpu=0}")).toBe(45);
    expect((await slow.read()).size).toBe(20);
  });

  test("that hangs leaves NVML alone, and is read again when it answers", async () => {
    const nvmlControl = createNvmlControl(makeFolder(), ["h100"]);
    const control = createDcgmControl(makeFolder(), 1);
    const { context } = makeDcgmContext(control, buildDcgmStandIn(), {
      WARPWATCH_STANDIN_CONTROL: nvmlControl.path,
    });
    const flags = { address, collectorsFile: "" };
    const [dcgm] = createDcgmSources(flags, createServedSeries(), alone).sources;
    const [nvml] = createNvmlSources({ library: buildNvmlStandIn() }).sources;
    const [one, other] = [await openReader(dcgm, context), await openReader(nvml, context)];
    await one.read();
    control.change("system", { "hang.dcgmEntitiesGetLatestValues": 1 });
    await beyondYoung();
    await expect(one.read()).rejects.toThrow("did not answer for dcgm");
    await expect(one.read()).rejects.toThrow("has not answered for dcgm yet");
    const begun = performance.now();
    expect((await other.read()).get(`DCGM_FI_DEV_GPU_TEMP ${uuidOfNvml(0)}`)).toBe(45);
    expect(performance.now() - begun).toBeLessThan(600);
    expect(context.probes.gpu.inFlight().map(({ key }) => key)).toEqual(["dcgm"]);
    expect(context.probes.counts("gpu").abandoned).toBe(0);
    control.change("system", { "hang.dcgmEntitiesGetLatestValues": null });
    await expect
      .poll(() =>
        one.read().then(
          ({ size }) => size,
          () => 0,
        ),
      )
      .toBeGreaterThan(0);
  });

  test("of the probe's own is started only when asked for, and ended on request", async () => {
    const { up, control, dcgm } = createDcgmHarness({ address: "embedded" });
    const opened = await up();
    await opened.read();
    expect(control.opened()).toMatchObject({ connections: 1 });
    expect(await dcgm.sources[0]?.release?.()).toBe(true);
    expect(control.opened()).toEqual({ connections: 0, groups: 0 });
    await expect(opened.read()).rejects.toThrow("let go");
  });

  test("on a socket is found by its path, and DCGM 3 serves too", async () => {
    const library = buildStandIn("dcgm", "libdcgm.so.3");
    const control = createDcgmControl(makeFolder(), 1);
    control.change("system", { socket: "/run/nvidia/nv-hostengine", health_version: 4 });
    const { context } = makeDcgmContext(control, library);
    const flags = { address: "unix:///run/nvidia/nv-hostengine", collectorsFile: "" };
    const [dcgm] = createDcgmSources(flags, createServedSeries(), alone).sources;
    expect((await (await openReader(dcgm, context)).read()).size).toBeGreaterThan(5);
  });

  test("whose library lacks health watches, instances and links serves the rest", async () => {
    const without = ["dcgmHealthCheck", "dcgmGetGpuInstanceHierarchy", "dcgmGetNvLinkLinkStatus"];
    const { up } = createDcgmHarness({ library: { without } });
    expect((await (await up()).read()).get("DCGM_FI_DEV_GPU_TEMP{gpu=0}")).toBe(45);
    expect((await (await up("dcgm_details")).read()).size).toBe(0);
  });
});

describe("what others serve", () => {
  const served = (name: string, uuid: string): Source => ({
    name: "other",
    sampling: "fast",
    metrics: [],
    open: () => ({
      register: (slots) => void slots.slot(metricCalled(name), { UUID: uuid }),
      read: () => undefined,
      close: () => undefined,
    }),
  });
  const metricCalled = (name: string) => ({
    name,
    openTelemetryName: name,
    kind: "gauge" as const,
    unit: "none" as const,
    help: "",
    labels: ["UUID"],
    sampling: "fast" as const,
    authority: "open" as const,
    buckets: [],
    compatibilityOnly: false,
  });

  test("isn't served twice, GPU by GPU, and is taken over when they stop", async () => {
    const harness = createDcgmHarness();
    const other = harness.served.follow(served("DCGM_FI_DEV_GPU_TEMP", uuidOf(0)));
    const opened = await harness.up();
    await opened.read();
    const reader = await other.open(harness.context, AbortSignal.timeout(1000));
    if ("absent" in reader) throw new Error(reader.absent);
    reader.register(createSeriesList(10));
    const samples = await opened.read();
    expect(samples.has("DCGM_FI_DEV_GPU_TEMP{gpu=0}")).toBe(false);
    expect(samples.get("DCGM_FI_DEV_GPU_TEMP{gpu=1}")).toBe(46);
    reader.close();
    expect((await opened.read()).get("DCGM_FI_DEV_GPU_TEMP{gpu=0}")).toBe(45);
  });

  test("a quarantined GPU is left alone until it is released", async () => {
    const { up, context } = createDcgmHarness();
    const opened = await up();
    await opened.read();
    context.gpus.quarantine(uuidOf(0), "XID 119");
    const without = await opened.until((found) => !found.has("DCGM_FI_DEV_GPU_TEMP{gpu=0}"));
    expect(without.get("DCGM_FI_DEV_GPU_TEMP{gpu=1}")).toBe(46);
    context.gpus.release(uuidOf(0));
    await opened.until((found) => found.get("DCGM_FI_DEV_GPU_TEMP{gpu=0}") === 45);
  });

  test("watches that are made anew again and again take no more of the host engine's room", async () => {
    const { up, context, said } = createDcgmHarness();
    const opened = await up();
    for (let round = 0; round < 20; round += 1) {
      context.gpus.quarantine(uuidOf(0), "XID 119");
      await opened.read();
      context.gpus.release(uuidOf(0));
      await opened.read();
    }
    const samples = await opened.read();
    expect(samples.get("DCGM_FI_PROF_SM_ACTIVE{gpu=0}")).toBe(0.75);
    expect(said.filter((line) => line.includes("can't be watched"))).toEqual([]);
  });
});

/** What was read a moment ago isn't asked for again. */
function beyondYoung(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 250));
}

/** Samples by name and UUID. */
async function openReader(source: Source | undefined, context: Parameters<Source["open"]>[0]) {
  const opened = await source?.open(context, AbortSignal.timeout(8000));
  if (!opened || "absent" in opened) throw new Error(`absent: ${opened?.absent ?? "no source"}`);
  return {
    async read(): Promise<Map<string, number>> {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const list = createSeriesList(20_000);
        opened.register(list);
        const column = new Float64Array(list.series.length).fill(Number.NaN);
        if ((await opened.read(column, AbortSignal.timeout(2000))) === "changed") continue;
        const named = list.series.map(({ metric, values }, slot) => {
          const uuid = values[metric.labels.indexOf("UUID")] ?? "";
          return [`${metric.name} ${uuid}`, column[slot] ?? Number.NaN] as const;
        });
        return new Map(named.filter(([, value]) => !Number.isNaN(value)));
      }
      throw new Error("it changes with every read");
    },
  };
}
