import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createAmdgpuSource } from "../../../../agent/sources/gpu/amdgpu.ts";
import { amdCard, amdGpus, amdServer, metricsTable } from "../../../hosts/amd-server.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { seriesOf } from "../../../kit/without-labels.ts";
import { describeSource } from "../../../suites/source-suite.ts";
import { makeHostContext } from "../host/context.ts";
import { drive, openOutcome, type DrivenSource } from "../host/drive.ts";

const gibibyte = 2 ** 30;

function open(changed: Parameters<DrivenSource["change"]>[0] = {}): Promise<DrivenSource> {
  return drive(createAmdgpuSource(), { ...amdServer(), ...changed });
}

function ofGpu(samples: ReadonlyMap<string, number>, gpu: number): Record<string, number> {
  const own = { gpu: String(gpu), UUID: `GPU-5e1d00000000000${gpu}` };
  return seriesOf(samples, own, ["vendor"]);
}

/** What AMD's own exporter has. */
function exported(samples: ReadonlyMap<string, number>, gpu: number): Record<string, number> {
  return seriesOf(samples, {
    gpu_id: String(gpu),
    card_model: "102-G30211-0C",
    gpu_partition_id: "0",
    gpu_compute_partition_type: "spx",
    gpu_memory_partition_type: "nps1",
    serial_number: `69233301008${gpu}`,
    hostname: "node-1",
  });
}

function withName(found: Record<string, number>, part: string): Record<string, number> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => name.includes(part)));
}

describeSource("amdgpu", {
  makeSource: createAmdgpuSource,
  makeContext: () => makeHostContext({ paths: writeHost(makeFolder(), amdServer()) }),
  makeBareContext: () => makeHostContext({ paths: writeHost(makeFolder(), {}) }),
});

describe("an MI300X server", () => {
  test("tells of each GPU under the names that all makes share", async () => {
    const samples = await (await open()).read();
    expect(ofGpu(samples, 3)).toEqual({
      'warpwatch_gpu_info{driver_version="6.8.5",model="AMD Instinct MI300X OAM",pci_bus_id="0000:3c:00.0",serial="692333010083",vbios_version="113-M3000100-102"}': 1,
      warpwatch_gpu_lost: 0,
      warpwatch_gpu_utilization_ratio: 0.93,
      warpwatch_gpu_memory_total_bytes: 192 * gibibyte,
      warpwatch_gpu_memory_used_bytes: 67 * gibibyte,
      'warpwatch_gpu_temperature_celsius{sensor="hotspot"}': 74,
      'warpwatch_gpu_temperature_celsius{sensor="memory"}': 52,
      warpwatch_gpu_temperature_limit_margin_celsius: 26,
      warpwatch_gpu_power_watts: 703,
      warpwatch_gpu_power_limit_watts: 750,
      'warpwatch_gpu_clock_hertz{domain="core"}': 2097e6,
      'warpwatch_gpu_clock_hertz{domain="memory"}': 1300e6,
      warpwatch_gpu_pcie_link_width: 16,
      warpwatch_gpu_pcie_link_width_max: 16,
      warpwatch_gpu_pcie_link_generation: 5,
      warpwatch_gpu_pcie_link_generation_max: 5,
      warpwatch_gpu_energy_joules_total: 500_000,
      'warpwatch_gpu_errors_total{kind="uncorrected"}': 3,
      // 0 + 1 + 2 + 3 + 4 + 5 over the six blocks.
      'warpwatch_gpu_errors_total{kind="corrected"}': 15,
      'warpwatch_gpu_errors_total{kind="deferred"}': 0,
    });
    expect(samples.get('gpu_nodes_total{hostname="node-1"}')).toBe(amdGpus);
  });

  test("tells the same under the names of AMD's own exporter, in its units", async () => {
    const found = exported(await (await open()).read(), 2);
    const plain = Object.entries(found).filter(([name]) => !/ecc|violation|xgmi_link/.test(name));
    expect(Object.fromEntries(plain)).toEqual({
      gpu_gfx_activity: 92,
      gpu_umc_activity: 42,
      gpu_total_vram: 196_608,
      gpu_used_vram: 67_584,
      gpu_free_vram: 129_024,
      gpu_total_visible_vram: 196_608,
      gpu_used_visible_vram: 67_584,
      gpu_free_visible_vram: 129_024,
      gpu_total_gtt: 524_288,
      gpu_used_gtt: 512,
      gpu_free_gtt: 523_776,
      pcie_speed: 32,
      pcie_max_speed: 32,
      gpu_junction_temperature: 73,
      gpu_memory_temperature: 52,
      gpu_package_power: 702,
      gpu_power_usage: 702,
      'gpu_clock{clock_index="0",clock_type="system"}': 2098,
      'gpu_clock{clock_index="1",clock_type="memory"}': 1300,
      gpu_energy_consumed: 5e11,
      pcie_replay_count: 2,
      pcie_recovery_count: 3,
      pcie_replay_rollover_count: 0,
      pcie_nack_sent_count: 5,
    });
    expect(withName(found, "violation")).toEqual({
      gpu_violation_ppt_residency_accumulated: 12,
    });
    expect(withName(found, "xgmi_link")).toEqual({
      'gpu_xgmi_link_rx{link_index="0"}': 1_000_000,
      'gpu_xgmi_link_tx{link_index="1"}': 2_000_000,
    });
  });

  test("counts the errors of each block, XGMI's and PCIe's among them, and their sums", async () => {
    const found = withName(exported(await (await open()).read(), 7), "ecc");
    expect(found).toMatchObject({
      gpu_ecc_uncorrect_umc: 7,
      gpu_ecc_uncorrect_gfx: 0,
      gpu_ecc_correct_bif: 4,
      gpu_ecc_correct_gfx: 2,
      gpu_ecc_correct_xgmi_wafl: 5,
      gpu_ecc_uncorrect_total: 7,
      gpu_ecc_correct_total: 15,
      gpu_ecc_deferred_total: 0,
    });
    expect(Object.keys(found)).toHaveLength(3 * 7);
  });

  test("keeps the others and their numbers when one is unplugged, and takes it up again", async () => {
    const driven = await open();
    await driven.read();
    const card = join(driven.root, amdCard(3), "..");
    rmSync(card, { recursive: true });
    await driven.clock.advance(15_000);
    const samples = await driven.read();
    expect(ofGpu(samples, 3)).toEqual({
      [Object.keys(withName(ofGpu(samples, 3), "info"))[0] ?? ""]: 1,
      warpwatch_gpu_lost: 1,
    });
    expect(ofGpu(samples, 4)).toMatchObject({
      warpwatch_gpu_lost: 0,
      warpwatch_gpu_utilization_ratio: 0.94,
    });
    expect(samples.get('gpu_nodes_total{hostname="node-1"}')).toBe(7);
    driven.change(
      Object.fromEntries(
        Object.entries(amdServer()).filter(
          ([path]) => path.startsWith(amdCard(3)) && !path.endsWith("/driver"),
        ),
      ),
    );
    await driven.clock.advance(15_000);
    expect(ofGpu(await driven.read(), 3)).toMatchObject({
      warpwatch_gpu_lost: 0,
      warpwatch_gpu_utilization_ratio: 0.93,
    });
  });

  test("leaves out what can't be read, and sums no errors of which a part is missing", async () => {
    const card = amdCard(0);
    const driven = await open({
      [`${card}/ras/gfx_err_count`]: "Query currently inaccessible\n",
      [`${card}/gpu_busy_percent`]: "",
      [`${card}/mem_info_vram_total`]: "nonsense\n",
      [`${card}/current_link_speed`]: "Unknown\n",
      [`${card}/gpu_metrics`]: Buffer.from([0x10, 0, 1, 7]),
      [`${card}/ras/umc_err_count`]: "ue: 4\nce: 1\n",
      [`${card}/serial_number`]: null,
    });
    const samples = await driven.read();
    const found = ofGpu(samples, 0);
    expect(Object.keys(found)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/utilization|memory_total|errors|energy/)]),
    );
    expect(found).toMatchObject({ warpwatch_gpu_power_watts: 700, warpwatch_gpu_lost: 0 });
    expect(found["warpwatch_gpu_pcie_link_generation"]).toBeUndefined();
    const ecc = withName(seriesOf(samples, { gpu_id: "0" }), "ecc");
    expect(Object.keys(ecc).filter((name) => name.startsWith("gpu_ecc_deferred_umc"))).toEqual([]);
    expect(Object.entries(ecc).find(([name]) => name.includes("uncorrect_umc"))?.[1]).toBe(4);
    expect(ofGpu(samples, 1)).toMatchObject({ 'warpwatch_gpu_errors_total{kind="corrected"}': 15 });
  });

  test("asks for error counts and the binary table with each listing, not every second", async () => {
    const driven = await open();
    await driven.read();
    driven.change({ [`${amdCard(1)}/ras/umc_err_count`]: "ue: 9\nce: 0\nde: 2\n" });
    const uncorrected = 'warpwatch_gpu_errors_total{kind="uncorrected"}';
    expect(ofGpu(await driven.read(), 1)[uncorrected]).toBe(1);
    await driven.clock.advance(15_000);
    expect(ofGpu(await driven.read(), 1)).toMatchObject({
      [uncorrected]: 9,
      'warpwatch_gpu_errors_total{kind="deferred"}': 2,
    });
  });
});

test("a graphics card with a fan, an edge sensor and no number of its own", async () => {
  const card = "sys/class/drm/card0/device";
  const driven = await drive(createAmdgpuSource(), {
    [`${card}/uevent`]:
      "DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n",
    [`${card}/gpu_metrics`]: metricsTable(0),
    [`${card}/current_link_speed`]: "16.0 GT/s PCIe\n",
    [`${card}/hwmon/hwmon2/temp1_input`]: "51000\n",
    [`${card}/hwmon/hwmon2/temp1_label`]: "edge\n",
    [`${card}/hwmon/hwmon2/temp1_crit`]: "100000\n",
    [`${card}/hwmon/hwmon2/fan1_input`]: "1187\n",
    [`${card}/hwmon/hwmon2/pwm1`]: "51\n",
    [`${card}/hwmon/hwmon2/power1_average`]: "61000000\n",
  });
  const samples = await driven.read();
  expect(seriesOf(samples, { UUID: "0000:03:00.0", gpu: "0" }, ["vendor"])).toEqual({
    'warpwatch_gpu_info{driver_version="",model="AMD 1002:744C",pci_bus_id="0000:03:00.0",serial="",vbios_version=""}': 1,
    warpwatch_gpu_lost: 0,
    warpwatch_gpu_pcie_link_generation: 4,
    'warpwatch_gpu_temperature_celsius{sensor="core"}': 51,
    warpwatch_gpu_temperature_limit_margin_celsius: 49,
    warpwatch_gpu_fan_ratio: 0.2,
    warpwatch_gpu_power_watts: 61,
  });
  const names = [...samples.keys()].map((name) => name.replace(/\{.*/, ""));
  expect(names).toContain("gpu_average_package_power");
  expect(names).not.toContain("gpu_package_power");
});

test("lets a card sleep, and reads it once it is awake", async () => {
  const status = `${amdCard(0)}/power/runtime_status`;
  const driven = await open({ [status]: "suspended\n" });
  const names = Object.keys(ofGpu(await driven.read(), 0));
  expect(names.map((name) => name.replace(/\{.*/, ""))).toEqual([
    "warpwatch_gpu_info",
    "warpwatch_gpu_lost",
  ]);
  driven.change({ [status]: "active\n" });
  expect(ofGpu(await driven.read(), 0)).toMatchObject({ warpwatch_gpu_power_watts: 700 });
});

test("is absent where the driver has no card, and where there are no cards at all", async () => {
  const none = "no card under /sys/class/drm has the driver amdgpu";
  expect(await openOutcome(createAmdgpuSource(), { "sys/class/drm/version": "drm 1.1.0\n" })).toBe(
    none,
  );
  expect(await openOutcome(createAmdgpuSource(), {})).toBe(none);
});
