import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createIntelGpuSource } from "../../../../agent/sources/gpu/intel-gpu.ts";
import { amdServer } from "../../../hosts/amd-server.ts";
import { arcCard, arcUnderI915, arcUnderXe } from "../../../hosts/arc-workstation.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { seriesOf } from "../../../kit/without-labels.ts";
import { describeSource } from "../../../suites/source-suite.ts";
import { makeHostContext } from "../host/context.ts";
import { drive, openOutcome } from "../host/drive.ts";

const i915 = { gpu: "1", UUID: "0000:03:00.0" };
const xe = { gpu: "1", UUID: "0000:04:00.0" };
const energy = `${arcCard}/device/hwmon/hwmon4/energy1_input`;

describeSource("intel_gpu", {
  makeSource: createIntelGpuSource,
  makeContext: () => makeHostContext({ paths: writeHost(makeFolder(), arcUnderI915()) }),
  makeBareContext: () => makeHostContext({ paths: writeHost(makeFolder(), {}) }),
});

test("an Arc under i915 tells energy, limit, heat, clock and what holds it back", async () => {
  const driven = await drive(createIntelGpuSource(), arcUnderI915());
  const samples = await driven.read();
  expect(seriesOf(samples, i915, ["vendor"])).toEqual({
    'warpwatch_gpu_info{driver_version="",model="Intel 8086:56A0",pci_bus_id="0000:03:00.0",serial="",vbios_version=""}': 1,
    warpwatch_gpu_lost: 0,
    warpwatch_gpu_energy_joules_total: 7250,
    warpwatch_gpu_power_limit_watts: 190,
    'warpwatch_gpu_temperature_celsius{sensor="core"}': 61,
    'warpwatch_gpu_clock_hertz{domain="core"}': 2.4e9,
    'warpwatch_gpu_throttle_active{reason="pl1"}': 1,
    'warpwatch_gpu_throttle_active{reason="pl2"}': 0,
    'warpwatch_gpu_throttle_active{reason="pl4"}': 0,
    'warpwatch_gpu_throttle_active{reason="prochot"}': 0,
    'warpwatch_gpu_throttle_active{reason="ratl"}': 0,
    'warpwatch_gpu_throttle_active{reason="thermal"}': 0,
    'warpwatch_gpu_throttle_active{reason="vr_tdc"}': 0,
    'warpwatch_gpu_throttle_active{reason="vr_thermalert"}': 0,
  });
  const processor = { gpu: "0", UUID: "0000:00:02.0", vendor: "intel" };
  expect(seriesOf(samples, processor)).toEqual({
    'warpwatch_gpu_clock_hertz{domain="core"}': 350e6,
  });
});

test("power is the mean between two readings of the energy counter, and nothing when that began anew", async () => {
  const driven = await drive(createIntelGpuSource(), arcUnderI915());
  const power = async (): Promise<number | undefined> =>
    seriesOf(await driven.read(), i915, ["vendor"])["warpwatch_gpu_power_watts"];
  expect(await power()).toBeUndefined();
  driven.change({ [energy]: "7430000000\n" });
  expect(await power()).toBe(180);
  driven.change({ [energy]: "12000000\n" });
  expect(await power()).toBeUndefined();
  driven.change({ [energy]: "102000000\n" });
  expect(await power()).toBe(90);
});

test("an Arc under xe tells its parts and memory, by its sensors' names", async () => {
  const driven = await drive(createIntelGpuSource(), arcUnderXe());
  const found = seriesOf(await driven.read(), xe, ["vendor"]);
  expect(found).toMatchObject({
    warpwatch_gpu_memory_total_bytes: 0x2f6000000,
    warpwatch_gpu_energy_joules_total: 3000,
    warpwatch_gpu_power_limit_watts: 190,
    'warpwatch_gpu_temperature_celsius{sensor="core"}': 58,
    'warpwatch_gpu_temperature_celsius{sensor="memory"}': 64,
    warpwatch_gpu_temperature_limit_margin_celsius: 42,
    'warpwatch_gpu_clock_hertz{domain="core"}': 2.85e9,
    'warpwatch_gpu_clock_hertz{domain="media"}': 0,
    'warpwatch_gpu_throttle_active{reason="pl1"}': 0,
    'warpwatch_gpu_throttle_active{reason="thermal"}': 0,
  });
  expect(Object.keys(found)).toHaveLength(12);
});

test("misses a card that was pulled out and keeps the other", async () => {
  const driven = await drive(createIntelGpuSource(), arcUnderI915());
  await driven.read();
  rmSync(join(driven.root, arcCard), { recursive: true });
  await driven.clock.advance(15_000);
  const samples = await driven.read();
  expect(seriesOf(samples, i915)).toMatchObject({ warpwatch_gpu_lost: 1 });
  expect(seriesOf(samples, { gpu: "0" })).toMatchObject({
    'warpwatch_gpu_lost{UUID="0000:00:02.0"}': 0,
  });
});

test("is absent where neither driver has a card", async () => {
  expect(await openOutcome(createIntelGpuSource(), amdServer())).toBe(
    "no card under /sys/class/drm has the driver i915 or xe",
  );
});
