import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createNvmlSources } from "../../../../agent/sources/gpu/nvml.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { describeSource } from "../../../suites/source-suite.ts";
import { buildNvmlStandIn } from "../../../standins/build.ts";
import { createNvmlControl } from "../../../standins/nvml-control.ts";
import { everyLink, field, pciBusIdOf, uuidOf } from "../../../standins/nvml-profiles.ts";
import { createNvmlHarness, makeNvmlContext } from "./nvml-harness.ts";

const eight = Array.from({ length: 8 }, () => "h100" as const);

for (const position of [0, 1])
  describeSource(position === 0 ? "nvml" : "nvml_details", {
    makeSource: () => {
      const source = createNvmlSources({ library: buildNvmlStandIn() }).sources[position];
      if (!source) throw new Error("there is no such source");
      return source;
    },
    makeContext: () => makeNvmlContext(createNvmlControl(makeFolder(), ["h100", "t4"])).context,
  });

describe("NVML", () => {
  test("tells load, memory, clocks, heat and power of every GPU in dcgm-exporter's units", async () => {
    const { up } = createNvmlHarness(["h100", "h200"]);
    const samples = await (await up()).read();
    const of = (name: string) => [samples.get(`${name} 0`), samples.get(`${name} 1`)];
    expect(of("DCGM_FI_DEV_GPU_UTIL")).toEqual([90, 91]);
    expect(of("DCGM_FI_DEV_MEM_COPY_UTIL")).toEqual([40, 41]);
    expect(of("DCGM_FI_DEV_SM_CLOCK")).toEqual([1980, 1965]);
    expect(of("DCGM_FI_DEV_MEM_CLOCK")).toEqual([2619, 3201]);
    expect(of("DCGM_FI_DEV_GPU_TEMP")).toEqual([45, 46]);
    expect(of("DCGM_FI_DEV_MEMORY_TEMP")).toEqual([60, 61]);
    expect(of("DCGM_FI_DEV_POWER_USAGE")).toEqual([560, 561]);
    expect(of("DCGM_FI_DEV_FB_USED")).toEqual([10_000, 10_100]);
    expect(of("DCGM_FI_DEV_FB_RESERVED")).toEqual([616, 616]);
    expect(of("DCGM_FI_DEV_FB_FREE")).toEqual([70_943, 133_055]);
    expect(of("warpwatch_gpu_power_limit_watts")).toEqual([700, 700]);
    expect(of("warpwatch_gpu_lost")).toEqual([0, 0]);
    expect(of("warpwatch_gpu_utilization_ratio")).toEqual([0.9, 0.91]);
    expect(of("warpwatch_gpu_power_watts")).toEqual([560, 561]);
    expect(samples.get("warpwatch_gpu_temperature_celsius memory 1")).toBe(61);
    expect(of("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION").every((value) => (value ?? 0) > 1e9)).toBe(
      true,
    );
  });

  test("has every counter of dcgm-exporter's default list", async () => {
    const { up } = createNvmlHarness(["h200"]);
    const slow = await (await up("nvml_details")).read();
    const fast = await (await up()).until((found) => found.has("DCGM_FI_PROF_SM_ACTIVE 0"));
    const device =
      "SM_CLOCK MEM_CLOCK MEMORY_TEMP GPU_TEMP POWER_USAGE TOTAL_ENERGY_CONSUMPTION PCIE_REPLAY_COUNTER GPU_UTIL MEM_COPY_UTIL ENC_UTIL DEC_UTIL XID_ERRORS FB_FREE FB_USED FB_RESERVED NVLINK_BANDWIDTH_TOTAL VGPU_LICENSE_STATUS UNCORRECTABLE_REMAPPED_ROWS CORRECTABLE_REMAPPED_ROWS ROW_REMAP_FAILURE";
    const profiling = "GR_ENGINE_ACTIVE PIPE_TENSOR_ACTIVE DRAM_ACTIVE PCIE_TX_BYTES PCIE_RX_BYTES";
    const names = [
      ...device.split(" ").map((name) => `DCGM_FI_DEV_${name} 0`),
      ...profiling.split(" ").map((name) => `DCGM_FI_PROF_${name} 0`),
    ];
    expect(names.filter((name) => !fast.has(name) && !slow.has(name))).toEqual([]);
  });

  test.each([
    [
      "t4",
      ["DCGM_FI_DEV_RETIRED_SBE"],
      ["DCGM_FI_DEV_MEMORY_TEMP", "DCGM_FI_DEV_ROW_REMAP_FAILURE", "warpwatch_gpu_mig_enabled"],
    ],
    [
      "l40s",
      ["DCGM_FI_DEV_ROW_REMAP_FAILURE"],
      ["DCGM_FI_DEV_MEMORY_TEMP", "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"],
    ],
    [
      "a100",
      ["DCGM_FI_DEV_MEMORY_TEMP", "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"],
      ["DCGM_FI_PROF_SM_ACTIVE", "warpwatch_gpu_temperature_limit_margin_celsius"],
    ],
    [
      "b200",
      ["DCGM_FI_PROF_SM_ACTIVE", "warpwatch_gpu_temperature_limit_margin_celsius"],
      ["DCGM_FI_DEV_RETIRED_SBE"],
    ],
  ] as const)(
    "a %s has the series of what it can do and none of the rest",
    async (profile, has, hasNot) => {
      const { up } = createNvmlHarness([profile]);
      const [fast, slow] = [await up(), await up("nvml_details")];
      await slow.read();
      const samples = await fast.until(
        (found) =>
          found.has("DCGM_FI_DEV_GPU_UTIL 0") &&
          (profile !== "b200" || found.has("DCGM_FI_PROF_SM_ACTIVE 0")),
      );
      expect(has.filter((name) => !samples.has(`${name} 0`))).toEqual([]);
      expect(hasNot.filter((name) => samples.has(`${name} 0`))).toEqual([]);
    },
  );

  test("profiles Hopper from two samples, as ratios and bytes per second", async () => {
    const { up } = createNvmlHarness();
    const samples = await (await up()).until((found) => found.has("DCGM_FI_PROF_SM_ACTIVE 0"));
    expect(samples.get("DCGM_FI_PROF_SM_ACTIVE 0")).toBe(0.95);
    expect(samples.get("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE 0")).toBe(0.61);
    expect(samples.get("DCGM_FI_PROF_PCIE_TX_BYTES 0")).toBe(900 * 1_048_576);
  });

  test("tells throttling by reason, at this moment and in seconds", async () => {
    const { up, control } = createNvmlHarness();
    control.change("gpu0", { "throttle.reasons": 0x48, [field(270)]: "u64 2500000000" });
    const samples = await (await up()).read();
    const active = (reason: string) => samples.get(`warpwatch_gpu_throttle_active ${reason} 0`);
    expect([active("hw_slowdown"), active("hw_thermal_slowdown"), active("gpu_idle")]).toEqual([
      1, 1, 0,
    ]);
    expect(samples.get("warpwatch_gpu_throttle_seconds_total hw_thermal_slowdown 0")).toBe(2.5);
  });

  test("tells links one by one, and their sum both ways", async () => {
    const { up, control } = createNvmlHarness();
    control.change("gpu0", {
      [field(165, 3)]: "u32 0",
      [field(163, 3)]: "u64 12",
      [field(138, everyLink)]: "u64 100",
      [field(139, everyLink)]: "u64 250",
    });
    const [fast, slow] = [await up(), await up("nvml_details")];
    const links = await slow.read();
    expect(links.get("warpwatch_gpu_nvlink_active 3 0")).toBe(0);
    expect(links.get("warpwatch_gpu_nvlink_active 17 0")).toBe(1);
    expect(links.get("warpwatch_gpu_nvlink_speed_bytes_per_second 0 0")).toBe(26_562e6);
    const samples = await fast.read();
    expect(samples.get("warpwatch_gpu_nvlink_errors_total crc 3 0")).toBe(12);
    expect(samples.get("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL 0")).toBe(350);
  });

  test("tells what the fifth generation of links corrected", async () => {
    const { up, control } = createNvmlHarness(["b200"]);
    control.change("gpu0", {
      [field(235, 2)]: "u64 900",
      [field(236, 2)]: "u64 30",
      [field(240, 2)]: "u64 4",
    });
    const links = await (await up("nvml_details")).read();
    expect(links.get("warpwatch_gpu_nvlink_fec_blocks_total clean 2 0")).toBe(900);
    expect(links.get("warpwatch_gpu_nvlink_fec_blocks_total corrected 2 0")).toBe(34);
  });

  test("counts the processes at each GPU by what they use it for", async () => {
    const { up, control, context } = createNvmlHarness(["h100", "t4"]);
    const many = Array.from({ length: 40 }, (_, index) => `${1000 + index}:1048576`);
    control.changeAll({
      gpu0: { "processes.compute": many.join(" "), "processes.mps": "7:0" },
      gpu1: { "return.nvmlDeviceGetComputeRunningProcesses_v3": 4 },
    });
    const samples = await (await up("nvml_details")).read();
    const count = (kind: string, gpu: number) =>
      samples.get(`warpwatch_gpu_processes ${kind} ${gpu}`);
    expect([count("compute", 0), count("graphics", 0), count("mps", 0)]).toEqual([40, 0, 1]);
    expect(count("compute", 1)).toBe(undefined);
    const told = context.gpus.processes;
    expect(told?.get(uuidOf(0))?.[39]).toEqual({
      pid: 1039,
      memoryBytes: 1_048_576,
      gpuInstance: "",
    });
    expect(told?.has(uuidOf(1))).toBe(false);
  });

  test("leaves out a value that the driver doesn't support and keeps the others", async () => {
    const { up, control } = createNvmlHarness();
    control.change("gpu0", {
      "return.nvmlDeviceGetPowerUsage": 3,
      "return.nvmlDeviceGetMemoryInfo_v2": 25,
      [field(82)]: "return 4",
    });
    const samples = await (await up()).read();
    expect(samples.has("DCGM_FI_DEV_POWER_USAGE 0")).toBe(false);
    expect(samples.has("DCGM_FI_DEV_MEMORY_TEMP 0")).toBe(false);
    expect(samples.get("DCGM_FI_DEV_GPU_TEMP 0")).toBe(45);
    // The older structure counts what is reserved as used.
    expect(samples.get("DCGM_FI_DEV_FB_USED 0")).toBe(10_616);
  });

  test("does without functions that an older library hasn't got", async () => {
    const without = [
      "nvmlInit_v2",
      "nvmlDeviceGetCurrentClocksEventReasons",
      "nvmlDeviceGetMarginTemperature",
      "nvmlDeviceGetJpgUtilization",
      "nvmlGpmQueryDeviceSupport",
      "nvmlEventSetCreate",
    ];
    const { up } = createNvmlHarness(["h100"], { without });
    const samples = await (await up()).read();
    expect(samples.get("DCGM_FI_DEV_GPU_TEMP 0")).toBe(45);
    expect(samples.get("warpwatch_gpu_throttle_active sw_power_cap 0")).toBe(1);
    expect(samples.has("warpwatch_gpu_temperature_limit_margin_celsius 0")).toBe(false);
  });
});

describe("NVML that can't be opened", () => {
  test("is absent where the driver isn't loaded", async () => {
    const { open, control } = createNvmlHarness();
    control.change("system", { "return.nvmlInit_v2": 9 });
    expect(await open()).toEqual({ absent: "the NVIDIA driver isn't loaded (NVML 9)" });
  });

  test("is down, in words, where the driver was upgraded under the library", async () => {
    const { open, control } = createNvmlHarness();
    control.change("system", { "return.nvmlInit_v2": 18 });
    await expect(open()).rejects.toThrow(/different versions/);
  });

  test("is absent where there is no driver, and starts no process to find out", async () => {
    const { context, probes } = makeNvmlContext(createNvmlControl(makeFolder()));
    const [source] = createNvmlSources().sources;
    expect(await source?.open(context, AbortSignal.timeout(1000))).toEqual({
      absent: "the NVIDIA driver isn't loaded: there is no /proc/driver/nvidia",
    });
    expect(probes.counts("gpu").restarts).toBe(0);
  });
});

describe("a GPU that fails", () => {
  test("is lost, its series stop and the others go on", async () => {
    const { up, control, events } = createNvmlHarness(eight);
    const opened = await up();
    await opened.read();
    control.change("gpu3", { lost: 1 });
    const samples = await opened.until((found) => found.get("warpwatch_gpu_lost 3") === 1);
    expect(samples.has("DCGM_FI_DEV_GPU_TEMP 3")).toBe(false);
    expect(others(3).filter((index) => !samples.has(`DCGM_FI_DEV_GPU_TEMP ${index}`))).toEqual([]);
    expect(events.map(({ kind, device }) => [kind, device])).toEqual([["gpu_lost", uuidOf(3)]]);
    control.change("gpu3", { lost: null });
    await opened.until((found) => found.has("DCGM_FI_DEV_GPU_TEMP 3"));
  });

  test("before the agent starts is known by what the kernel's module says of it", async () => {
    const { up, control, context, events } = createNvmlHarness(eight);
    for (let index = 0; index < 8; index += 1) {
      const address = pciBusIdOf(index).toLowerCase().slice("0000".length);
      const folder = join(context.env.paths.procfs, "driver/nvidia/gpus", address);
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, "information"),
        `Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 99\nGPU UUID: \t ${uuidOf(index)}\nBus Type: \t PCIe\n`,
      );
    }
    control.change("gpu2", { lost: 1 });
    const opened = await up();
    const samples = await opened.read();
    expect(samples.get("warpwatch_gpu_lost 2")).toBe(1);
    expect(others(2).filter((index) => samples.get(`warpwatch_gpu_lost ${index}`) !== 0)).toEqual(
      [],
    );
    expect(samples.has("DCGM_FI_DEV_GPU_TEMP 2")).toBe(false);
    expect(events.map(({ kind, device }) => [kind, device])).toEqual([["gpu_lost", uuidOf(2)]]);
    control.change("gpu2", { lost: null });
    // It is asked for again with every round of what moves slowly.
    await (await up("nvml_details")).read();
    await opened.until((found) => found.has("DCGM_FI_DEV_GPU_TEMP 2"));
  });

  test("that hangs is skipped, shown as in flight, and comes back when it answers", async () => {
    const { up, control, probes } = createNvmlHarness(eight);
    const opened = await up();
    await opened.read();
    control.change("gpu5", { hang: 1 });
    for (let round = 0; round < 3; round += 1) {
      const samples = await opened.read();
      expect(others(5).filter((index) => !samples.has(`DCGM_FI_DEV_GPU_TEMP ${index}`))).toEqual(
        [],
      );
      expect(samples.has("DCGM_FI_DEV_GPU_TEMP 5")).toBe(false);
      expect(samples.has("warpwatch_gpu_lost 5")).toBe(false);
    }
    expect(probes.gpu.inFlight().map(({ key }) => key)).toEqual([uuidOf(5)]);
    expect(probes.counts("gpu").abandoned).toBe(0);
    control.change("gpu5", { hang: null });
    await opened.until((found) => found.has("DCGM_FI_DEV_GPU_TEMP 5"));
    expect(probes.gpu.inFlight()).toEqual([]);
  });

  test("that hangs in the middle of being read costs a probe, and the others come back without it", async () => {
    const { up, control, probes } = createNvmlHarness(["h100", "h100", "h100"]);
    const opened = await up();
    await opened.read();
    control.change("gpu1", { "hang.nvmlDeviceGetPowerUsage": 1 });
    const samples = await opened.until(
      (found) => found.has("DCGM_FI_DEV_GPU_TEMP 0") && found.has("DCGM_FI_DEV_GPU_TEMP 2"),
    );
    expect(samples.has("DCGM_FI_DEV_GPU_TEMP 1")).toBe(false);
    await opened.until(() => probes.counts("gpu").abandoned === 1);
    control.change("gpu1", { "hang.nvmlDeviceGetPowerUsage": null });
    await opened.until((found) =>
      [0, 1, 2].every((gpu) => found.has(`DCGM_FI_DEV_GPU_TEMP ${gpu}`)),
    );
  });

  test("under quarantine isn't asked", async () => {
    const { up, control, context } = createNvmlHarness(["h100", "h100"]);
    const opened = await up();
    await opened.read();
    context.gpus.quarantine(uuidOf(1), "XID 119");
    control.change("gpu1", { hang: 1 });
    const samples = await opened.read();
    expect([samples.has("DCGM_FI_DEV_GPU_TEMP 0"), samples.has("DCGM_FI_DEV_GPU_TEMP 1")]).toEqual([
      true,
      false,
    ]);
    expect(context.probes.gpu.inFlight()).toEqual([]);
    control.change("gpu1", { hang: null });
    context.gpus.release(uuidOf(1));
    await opened.until((found) => found.has("DCGM_FI_DEV_GPU_TEMP 1"));
  });
});

describe("GPUs that change", () => {
  test("are known by their UUID when the driver numbers them anew", async () => {
    const { up, control, nvml, context } = createNvmlHarness(["h100", "t4"]);
    await (await up()).read();
    await nvml.sources[0]?.release?.();
    control.change("system", { "index.0": 1, "index.1": 0 });
    const again = createNvmlSources({ library: buildNvmlStandIn() });
    await again.sources[0]?.open(context, AbortSignal.timeout(5000));
    expect(context.gpus.gpus.map(({ index, uuid }) => [index, uuid])).toEqual([
      [0, uuidOf(1)],
      [1, uuidOf(0)],
    ]);
  });

  test("split into MIG instances have series of their own with dcgm-exporter's labels", async () => {
    const { up, control, context } = createNvmlHarness();
    const [fast, slow] = [await up(), await up("nvml_details")];
    await fast.read();
    control.split(0, ["1g.10gb", "3g.40gb"]);
    await slow.read();
    const samples = await fast.until((found) => found.has("DCGM_FI_PROF_SM_ACTIVE 0/8"));
    expect(samples.get("DCGM_FI_DEV_FB_USED 0/7")).toBe(1000);
    expect(samples.get("DCGM_FI_PROF_SM_ACTIVE 0/8")).toBe(0.31);
    expect(samples.get("warpwatch_gpu_mig_enabled 0")).toBe(1);
    expect(samples.has("DCGM_FI_DEV_GPU_UTIL 0")).toBe(false);
    expect(context.gpus.instances.map(({ gpuInstance }) => gpuInstance)).toEqual(["7", "8"]);
    control.split(0, []);
    await slow.read();
    await fast.until(
      (found) => !found.has("DCGM_FI_DEV_FB_USED 0/7") && found.has("DCGM_FI_DEV_GPU_UTIL 0"),
    );
  });

  test("leave nothing open in the driver within two seconds of being released", async () => {
    const { up, control, nvml } = createNvmlHarness(["h100", "b200"]);
    const opened = await up();
    await opened.until((found) => found.has("DCGM_FI_PROF_SM_ACTIVE 1"));
    expect(control.opened()).toEqual({ library: 1, event_sets: 1, gpm_samples: 4 });
    const begun = performance.now();
    expect(await nvml.sources[0]?.release?.()).toBe(true);
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(control.opened()).toEqual({ library: 0, event_sets: 0, gpm_samples: 0 });
    await expect(opened.read()).rejects.toThrow(/released/);
  });

  test("report XIDs where the kernel's log can't be read, and are left alone after one of hung firmware", async () => {
    const { up, control, events, context, nvml } = createNvmlHarness();
    const opened = await up();
    await opened.read();
    control.report(0, 79);
    const samples = await opened.until((found) => found.get("DCGM_FI_DEV_XID_ERRORS 0") === 79);
    expect(samples.get("warpwatch_gpu_xid_events_total reboot 0") ?? samples.size).toBeGreaterThan(
      0,
    );
    expect(events.map(({ kind, fields }) => [kind, fields["xid"]])).toEqual([["xid", "79"]]);
    control.report(0, 119);
    await opened.until(() => context.gpus.quarantineOf(uuidOf(0)) !== undefined);
    expect((await opened.read()).has("DCGM_FI_DEV_GPU_TEMP 0")).toBe(false);
    await nvml.sources[0]?.release?.();
    expect(context.gpus.quarantineOf(uuidOf(0))).toBe(undefined);
  });
});

function others(index: number): number[] {
  return eight.map((_, each) => each).filter((each) => each !== index);
}
