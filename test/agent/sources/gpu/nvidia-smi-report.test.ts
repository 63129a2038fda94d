import { expect, test } from "vitest";
import { readReport, type ReportValues } from "../../../../agent/sources/gpu/nvidia-smi-report.ts";
import { readInstanceNames } from "../../../../agent/sources/gpu/nvidia-smi-instances.ts";
import {
  reportGpu,
  reportInstance,
  reportProcess,
  reportUuid,
  reportXml,
} from "../../../kit/nvidia-smi-report.ts";

/** Values by metric and the labels beside the GPU's. */
function tableOf(values: ReportValues | undefined): Record<string, number> {
  return Object.fromEntries(
    [...(values?.values() ?? [])].map(({ metric, extraLabels, value }) => [
      [metric.name, ...Object.values(extraLabels)].join(" "),
      value,
    ]),
  );
}

function readOne(changes: Readonly<Record<string, string>> = {}, markup = "") {
  const [gpu] = readReport(reportXml([reportGpu(0, changes, markup)]));
  if (!gpu) throw new Error("no GPU");
  return { gpu, values: tableOf(gpu.values) };
}

test("reads values in the units of their metrics, each from its own place", () => {
  const { gpu, values } = readOne();
  expect(gpu).toMatchObject({
    uuid: reportUuid(0),
    pciBusId: "00000000:00:00.0",
    model: "NVIDIA H100 80GB HBM3",
    driverVersion: "580.105.08",
    board: { partNumber: "692-2G520-0200-000", inforomVersion: "G520.0200.00.05" },
    isLost: false,
    instances: [],
    processes: [],
  });
  expect(values).toMatchObject({
    DCGM_FI_DEV_PERSISTENCE_MODE: 1,
    DCGM_FI_DEV_COMPUTE_MODE: 3,
    DCGM_FI_DEV_ECC_CURRENT: 1,
    DCGM_FI_DEV_ECC_PENDING: 0,
    DCGM_FI_DEV_BAR1_TOTAL: 131_072,
    DCGM_FI_DEV_BAR1_USED: 17,
    DCGM_FI_DEV_PCIE_REPLAY_COUNTER: 150,
    DCGM_FI_DEV_MAX_SM_CLOCK: 1980,
    DCGM_FI_DEV_POWER_MGMT_LIMIT: 650,
    DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX: 700,
    "warpwatch_gpu_pcie_errors_total replay_rollovers": 2,
    "warpwatch_gpu_ecc_errors_total sram corrected volatile": 3,
    "warpwatch_gpu_ecc_errors_total sram uncorrected volatile": 9,
    "warpwatch_gpu_ecc_errors_total dram corrected volatile": 6,
    "warpwatch_gpu_ecc_errors_total dram uncorrected aggregate": 8,
    "warpwatch_gpu_sram_uncorrectable_errors_total mcu": 1,
    "warpwatch_gpu_repair_pending channel": 1,
    "warpwatch_gpu_repair_pending tpc": 0,
    "warpwatch_gpu_temperature_limit_margin_threshold_celsius shutdown": -8,
    "warpwatch_gpu_fabric_state completed": 1,
    "warpwatch_gpu_fabric_state in_progress": 0,
    "warpwatch_gpu_fabric_health unhealthy": 1,
    "warpwatch_gpu_fabric_problem degraded_bandwidth": 1,
    "warpwatch_gpu_fabric_problem route_unhealthy": 0,
    "warpwatch_gpu_fabric_problem incorrect_configuration": 0,
  });
  expect(Object.keys(values).filter((name) => name.includes("aggregate"))).toHaveLength(1);
});

test.each([
  "N/A",
  "[N/A]",
  "",
  "GPU access blocked by the operating system",
  "Requested functionality has been deprecated",
  "Insufficient Permissions",
  "[Unknown Error]",
  "ERR!",
  "12 bananas",
])("a value that reads %j is absent, never 0", (text) => {
  const names = {
    "ecc_errors/volatile/dram_correctable": text,
    "max_clocks/sm_clock": text,
    "gpu_power_readings/max_power_limit": text,
    "ecc_mode/current_ecc": text,
    "ecc_errors/channel_repair_pending": text,
    "fabric/state": text,
    "fabric/health/bandwidth": text,
  };
  const { values } = readOne(names);
  for (const name of [
    "warpwatch_gpu_ecc_errors_total dram corrected volatile",
    "DCGM_FI_DEV_MAX_SM_CLOCK",
    "DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX",
    "DCGM_FI_DEV_ECC_CURRENT",
    "warpwatch_gpu_repair_pending channel",
    "warpwatch_gpu_fabric_state completed",
    "warpwatch_gpu_fabric_problem degraded_bandwidth",
  ])
    expect(values).not.toHaveProperty(name);
});

test("a configuration of the fabric that is wrong says what is wrong, and nothing is said without one", () => {
  const problem = "warpwatch_gpu_fabric_problem incorrect_configuration";
  const path = "fabric/health/incorrect_configuration";
  expect(readOne({ [path]: "Incompatible GPU Firmware" }).values[problem]).toBe(1);
  expect(readOne({ [path]: "N/A" }).values).not.toHaveProperty(problem);
});

test("a lost GPU whose containers became text is lost and the others go on", () => {
  const lost = {
    place: "00000000:01:00.0",
    elements: {
      uuid: reportUuid(1),
      remapped_rows: "GPU is lost",
      fabric: "GPU is lost",
      ecc_errors: "GPU is lost",
      processes: "GPU is lost",
    },
  };
  const gpus = readReport(reportXml([reportGpu(0), lost, reportGpu(2)]));
  expect(gpus.map(({ isLost }) => isLost)).toEqual([false, true, false]);
  expect(gpus[1]).toMatchObject({ processes: null, values: new Map() });
});

test("reads names of older document types", () => {
  const older = {
    place: "00000000:3B:00.0",
    elements: {
      uuid: reportUuid(3),
      "power_readings/power_limit": "250.00 W",
      "power_readings/max_power_limit": "300.00 W",
      "ecc_errors/volatile/single_bit/device_memory": "7",
      "ecc_errors/aggregate/double_bit/l2_cache": "2",
      "ecc_errors/aggregate/sram_uncorrectable": "1",
    },
  };
  const [gpu] = readReport(reportXml([older], "v11"));
  expect(tableOf(gpu?.values)).toEqual({
    DCGM_FI_DEV_POWER_MGMT_LIMIT: 250,
    DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX: 300,
    "warpwatch_gpu_ecc_errors_total dram corrected volatile": 7,
    "warpwatch_gpu_ecc_errors_total l2_cache uncorrected aggregate": 2,
    "warpwatch_gpu_ecc_errors_total sram uncorrected aggregate": 1,
  });
  expect(gpu?.pciBusId).toBe("00000000:3B:00.0");
});

test("a GPU instance's memory is told once, however many compute instances share it", () => {
  const devices = [
    reportInstance(0, 2, 40_448),
    reportInstance(1, 2, 40_448),
    reportInstance(2, 9, 9984),
  ];
  const { gpu } = readOne({}, `<mig_devices>${devices.join("")}</mig_devices>`);
  expect(gpu.instances.map(({ index, gpuInstance }) => [index, gpuInstance])).toEqual([
    ["0", "2"],
    ["2", "9"],
  ]);
  expect(tableOf(gpu.instances[1]?.values)).toEqual({
    DCGM_FI_DEV_FB_TOTAL: 9984,
    DCGM_FI_DEV_FB_RESERVED: 0,
    DCGM_FI_DEV_FB_USED: 9,
    DCGM_FI_DEV_FB_FREE: 9975,
    DCGM_FI_DEV_BAR1_TOTAL: 6184,
    DCGM_FI_DEV_BAR1_USED: 1,
  });
});

test("reads processes with what they use the GPU for, however they are called", () => {
  const list = [
    reportProcess(41, "C", "2296 MiB", "2"),
    reportProcess(42, "C+G", "N/A", "N/A", "/opt/<odd> & name"),
    reportProcess(43, "M+C", "1 MiB"),
    reportProcess(Number.NaN, "C", "1 MiB"),
  ];
  const xml = reportXml([reportGpu(0)]).replace(
    /<processes>\s*<\/processes>/,
    `<processes>${list.join("\n")}</processes>`,
  );
  expect(readReport(xml)[0]?.processes).toEqual([
    { pid: 41, memoryBytes: 2296 * 1_048_576, gpuInstance: "2", kinds: ["compute"] },
    { pid: 42, memoryBytes: Number.NaN, gpuInstance: "", kinds: ["compute", "graphics"] },
    { pid: 43, memoryBytes: 1_048_576, gpuInstance: "", kinds: ["mps"] },
  ]);
});

test("reads the instances' UUIDs and profiles from the list of devices", () => {
  const lines = [
    "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-0a)",
    "  MIG 3g.40gb     Device  0: (UUID: MIG-0b)",
    "  MIG 1c.3g.71gb  Device 10: (UUID: MIG-0c)",
    "GPU 1: NVIDIA (UUID: of nothing) H100 (UUID: GPU-1a)",
    "  MIG 1g.10gb+me  Device  0: (UUID: MIG-1b)",
    "Unable to determine the MIG devices",
  ];
  expect(readInstanceNames(lines)).toEqual([
    { gpuUuid: "GPU-0a", index: "0", uuid: "MIG-0b", profile: "3g.40gb" },
    { gpuUuid: "GPU-0a", index: "10", uuid: "MIG-0c", profile: "1c.3g.71gb" },
    { gpuUuid: "GPU-1a", index: "0", uuid: "MIG-1b", profile: "1g.10gb+me" },
  ]);
});
