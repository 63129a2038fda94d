import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createNvidiaSmiSource } from "../../../../agent/sources/gpu/nvidia-smi.ts";
import { createFakeNvidiaSmi, fakeGpu, type FakeNvidiaSmi } from "../../../kit/fake-nvidia-smi.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { describeSource } from "../../../suites/source-suite.ts";
import { createHarness, makeContext, openReader, quick } from "./nvidia-smi-harness.ts";

function eightGpus(changes: (index: number) => Readonly<Record<string, string>> = () => ({})) {
  return Array.from({ length: 8 }, (_, index) =>
    fakeGpu(index, { count: "8", "temperature.gpu": String(40 + index), ...changes(index) }),
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function lastPid(fake: FakeNvidiaSmi): number {
  return fake.queries.at(-1)?.pid ?? 0;
}

describeSource("nvidia_smi", {
  makeSource: () => createNvidiaSmiSource(quick),
  makeContext: () => makeContext(createFakeNvidiaSmi({ gpus: eightGpus() }).path),
  makeBareContext: () => makeContext(makeFolder()),
});

describe("nvidia-smi", () => {
  test("is absent with a reason where it isn't installed", async () => {
    expect(await createHarness(makeFolder()).open()).toEqual({
      absent: "nvidia-smi isn't installed or isn't on the PATH",
    });
  });

  test("is absent where it finds no GPU", async () => {
    const end = { code: 6, output: "No devices were found\n", errors: "" };
    const fake = createFakeNvidiaSmi({ end });
    expect(await createHarness(fake.path).open()).toEqual({ absent: "nvidia-smi finds no GPU" });
  });

  test.each(["end", "helpEnd"])(
    "is down with its own message where the driver is out of reach: %s",
    async (when) => {
      const sentence =
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.";
      const output = `${sentence} Make sure that the driver is running.\n\n`;
      const fake = createFakeNvidiaSmi({ [when]: { code: 9, output, errors: "" } });
      await expect(createHarness(fake.path).open()).rejects.toThrow(sentence);
    },
  );

  test("gives values in the units of their metrics, and nothing where there is none", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const samples = await harness.read(await openReader(harness));
    expect(Object.fromEntries(samples)).toEqual({
      "warpwatch_gpu_info 0": 1,
      "warpwatch_gpu_lost 0": 0,
      "warpwatch_gpu_errors_total 0": 4_294_967_296,
      "warpwatch_gpu_memory_total_bytes 0": 81_559 * 1_048_576,
      "warpwatch_gpu_memory_used_bytes 0": 80_995 * 1_048_576,
      "warpwatch_gpu_power_watts 0": 627.4,
      "warpwatch_gpu_temperature_celsius 0": 52,
      "warpwatch_gpu_utilization_ratio 0": 0.97,
      "DCGM_FI_DEV_FB_TOTAL 0": 81_559,
      "DCGM_FI_DEV_GPU_UTIL 0": 97,
      "DCGM_FI_DEV_MEM_COPY_UTIL 0": 41,
      "DCGM_FI_DEV_SM_CLOCK 0": 1980,
      "DCGM_FI_DEV_GPU_TEMP 0": 52,
      "warpwatch_gpu_temperature_limit_margin_celsius 0": -3,
      "DCGM_FI_DEV_POWER_USAGE 0": 627.4,
      "warpwatch_gpu_power_limit_watts 0": 700,
      "DCGM_FI_DEV_FB_FREE 0": 15,
      "DCGM_FI_DEV_FB_USED 0": 80_995,
      "DCGM_FI_DEV_FB_RESERVED 0": 549,
      "warpwatch_gpu_fan_ratio 0": 0.07,
      "warpwatch_gpu_performance_state 0": 0,
      "warpwatch_gpu_mig_enabled 0": 0,
      "warpwatch_gpu_row_remap_pending 0": 0,
      "DCGM_FI_DEV_ROW_REMAP_FAILURE 0": 1,
      "warpwatch_gpu_row_remap_banks{max} 0": 3071,
      "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL 0": 4_294_967_296,
      "warpwatch_gpu_throttle_active{sw_power_cap} 0": 1,
      "warpwatch_gpu_throttle_active{gpu_idle} 0": 0,
      "warpwatch_gpu_throttle_seconds_total{sw_power_cap} 0": 204.642816,
      "DCGM_FI_DEV_POWER_VIOLATION 0": 204_642_816_000,
      "warpwatch_gpu_recovery_action{none} 0": 0,
      "warpwatch_gpu_recovery_action{reset} 0": 0,
      "warpwatch_gpu_recovery_action{reboot} 0": 0,
      "warpwatch_gpu_recovery_action{drain_p2p} 0": 0,
      "warpwatch_gpu_recovery_action{drain_and_reset} 0": 1,
      "warpwatch_gpu_recovery_action{recover_imex_domain} 0": 0,
    });
  });

  test("asks only for fields that the program lists, in one process for all rounds", async () => {
    const fake = createFakeNvidiaSmi({
      gpus: eightGpus(),
      fields: ["index", "uuid", "pci.bus_id", "temperature.gpu", "name", "some.future.field"],
    });
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    const before = await harness.until(reader, (all) => all.has("DCGM_FI_DEV_GPU_TEMP 7"));
    expect(before.get("DCGM_FI_DEV_GPU_TEMP 7")).toBe(47);
    fake.set({ gpus: eightGpus(() => ({ "temperature.gpu": "80" })) });
    await harness.until(reader, (all) => all.get("DCGM_FI_DEV_GPU_TEMP 7") === 80);
    expect(fake.queries).toHaveLength(1);
    expect(fake.queries[0]?.flags).toEqual([
      "--query-gpu=index,uuid,pci.bus_id,temperature.gpu,name",
      "--format=csv,noheader",
      "--loop-ms=40",
    ]);
  });

  test("keeps reading when lines come between that are no rows", async () => {
    const fake = createFakeNvidiaSmi({ gpus: eightGpus(), noise: "WARNING: infoROM\n\n,,,\n" });
    const harness = createHarness(fake.path);
    const samples = await harness.read(await openReader(harness));
    expect(
      [...samples.keys()].filter((key) => key.startsWith("DCGM_FI_DEV_GPU_TEMP")),
    ).toHaveLength(8);
  });

  test("keeps the other GPUs when one falls off the bus, and says which is lost", async () => {
    const fake = createFakeNvidiaSmi({ gpus: eightGpus() });
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    await harness.read(reader);
    const bracketed = Object.fromEntries(
      Object.keys(fakeGpu(3)).map((field) => [field, "[GPU is lost]"]),
    );
    fake.set({
      gpus: eightGpus((index) =>
        index === 3
          ? { ...bracketed, index: "3", "pci.bus_id": "00000000:03:00.0", count: "8" }
          : {},
      ),
    });
    const samples = await harness.until(reader, (all) => all.get("warpwatch_gpu_lost 3") === 1);
    expect(samples.has("DCGM_FI_DEV_GPU_TEMP 3")).toBe(false);
    expect(samples.get("DCGM_FI_DEV_GPU_TEMP 4")).toBe(44);
    expect(samples.get("warpwatch_gpu_lost 4")).toBe(0);
    await harness.read(reader);
    expect(harness.events).toMatchObject([
      { kind: "gpu_lost", device: fakeGpu(3).uuid, fields: { gpu: "3" } },
    ]);
    fake.set({ gpus: eightGpus() });
    await harness.until(reader, (all) => all.get("warpwatch_gpu_lost 3") === 0);
  });

  test("takes a GPU that is no longer listed as lost, and a new one as new", async () => {
    const fake = createFakeNvidiaSmi({ gpus: eightGpus().slice(0, 3) });
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    await harness.until(reader, (all) => all.has("DCGM_FI_DEV_GPU_TEMP 2"));
    fake.set({ gpus: eightGpus().slice(1, 5) });
    const samples = await harness.until(reader, (all) => all.has("DCGM_FI_DEV_GPU_TEMP 4"));
    expect(samples.get("warpwatch_gpu_lost 0")).toBe(1);
    expect(samples.has("DCGM_FI_DEV_GPU_TEMP 0")).toBe(false);
    expect(samples.get("warpwatch_gpu_lost 4")).toBe(0);
  });

  test("no longer misses a GPU that was exchanged for another in its place", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    await harness.read(reader);
    fake.set({ gpus: [fakeGpu(0, { uuid: "GPU-new", "temperature.gpu": "33" })] });
    const samples = await harness.until(reader, (all) => all.get("DCGM_FI_DEV_GPU_TEMP 0") === 33);
    expect([...samples.keys()].filter((key) => key.startsWith("warpwatch_gpu_lost"))).toEqual([
      "warpwatch_gpu_lost 0",
    ]);
  });

  test("reads the others when one GPU fails the whole command", async () => {
    const fake = createFakeNvidiaSmi({ gpus: eightGpus() });
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    await harness.read(reader);
    fake.set({ unopened: ["00000000:05:00.0"] });
    await harness.untilDown(reader, /device handle for GPU0000:05:00\.0/);
    const samples = await harness.until(reader, (all) => all.has("DCGM_FI_DEV_GPU_TEMP 7"));
    expect(samples.get("warpwatch_gpu_lost 5")).toBe(1);
    expect(fake.queries.at(-1)?.flags).toContainEqual(expect.stringMatching(/^--id=(?!.*:05:)/));
  });

  test("reads the others when one GPU can't be opened from the start", async () => {
    const procfs = makeFolder();
    for (let index = 0; index < 8; index += 1)
      mkdirSync(join(procfs, `driver/nvidia/gpus/0000:0${index}:00.0`), { recursive: true });
    const unopened = ["00000000:02:00.0", "00000000:05:00.0"];
    const fake = createFakeNvidiaSmi({ gpus: eightGpus(), unopened });
    const harness = createHarness(fake.path, quick, procfs);
    const samples = await harness.read(await openReader(harness));
    const temperatures = [...samples.keys()].filter((key) =>
      key.startsWith("DCGM_FI_DEV_GPU_TEMP"),
    );
    expect(temperatures.map((key) => key.at(-1))).toEqual(["0", "1", "3", "4", "6", "7"]);
  });

  test("asks again for a GPU it left out after a while", async () => {
    const fake = createFakeNvidiaSmi({ gpus: eightGpus() });
    const harness = createHarness(fake.path, { ...quick, leaveOutMilliseconds: 1000 });
    const reader = await openReader(harness);
    fake.set({ unopened: ["00000000:05:00.0"] });
    await harness.until(reader, (all) => all.get("warpwatch_gpu_lost 5") === 1);
    fake.set({ unopened: [] });
    await harness.until(reader, (all) => all.get("warpwatch_gpu_lost 5") === 0);
  });

  test("calls every GPU lost that it knew when the driver finds none", async () => {
    const fake = createFakeNvidiaSmi({ gpus: eightGpus() });
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    await harness.read(reader);
    fake.set({ end: { code: 6, output: "No devices were found\n", errors: "" } });
    const samples = await harness.until(reader, (all) => all.get("warpwatch_gpu_lost 0") === 1);
    expect([...samples.keys()].filter((key) => key.startsWith("DCGM_"))).toEqual([]);
  });

  test("is down with what it wrote last when it ends, and starts again", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    fake.set({
      end: { code: 255, output: "", errors: "Failed to initialize NVML: Unknown Error\n" },
    });
    await harness.untilDown(reader, /^Failed to initialize NVML: Unknown Error/);
    fake.set({ end: undefined });
    await harness.until(reader, (all) => all.get("DCGM_FI_DEV_GPU_TEMP 0") === 52);
    expect(fake.queries.length).toBeGreaterThan(1);
  });

  test("says what the exit code means when it ends without a word", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    fake.set({ end: { code: 9, output: "", errors: "" } });
    await harness.untilDown(reader, /ended with code 9: the NVIDIA driver isn't loaded/);
  });

  test("doesn't take a row that was cut short for one", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    fake.set({ end: { code: 1, output: "1, 0, GPU-0aaaaaaa", errors: "" } });
    await harness.untilDown(reader, /ended with code 1/);
  });

  test("repeats no value when no new ones come, and gives the process up", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    const pid = lastPid(fake);
    fake.set({ mood: "silent" });
    await harness.untilDown(reader, /last values are \d+\.\d s old/);
    await harness.untilDown(reader, /given no values for 2 s/);
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
    fake.set({ mood: "well" });
    await harness.until(reader, (all) => all.has("DCGM_FI_DEV_GPU_TEMP 0"));
  });

  test("starts no second process while one hangs in the driver, not even after it is opened anew", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    const pid = lastPid(fake);
    fake.set({ mood: "deaf" });
    await harness.untilDown(reader, /was told to end \d+ s ago and still hangs in the driver/);
    expect(isAlive(pid)).toBe(true);
    reader.close();
    await expect(harness.open()).rejects.toThrow("still hangs in the driver");
    expect(fake.queries).toHaveLength(1);
    fake.set({ mood: "well" });
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
    const again = await openReader(harness);
    await harness.until(again, (all) => all.has("DCGM_FI_DEV_GPU_TEMP 0"));
  });

  test("ends the process when the reader is closed", async () => {
    const fake = createFakeNvidiaSmi();
    const harness = createHarness(fake.path);
    const reader = await openReader(harness);
    reader.close();
    await expect.poll(() => isAlive(lastPid(fake)), { timeout: 20_000 }).toBe(false);
  });

  test("gives up opening when it is told to", async () => {
    const fake = createFakeNvidiaSmi({ mood: "silent" });
    const harness = createHarness(fake.path);
    const opening = harness.open(1500);
    await expect(opening).rejects.toThrow("nvidia-smi gave no values in time");
    await expect.poll(() => isAlive(lastPid(fake)), { timeout: 20_000 }).toBe(false);
  });
});
