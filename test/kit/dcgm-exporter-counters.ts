/** The lines of the counters file that dcgm-exporter 4 comes with: names, types, and whether a line is on there. */

export interface DcgmExporterCounter {
  readonly name: string;
  readonly type: "gauge" | "counter" | "label";
  readonly isOn: boolean;
}

const on = {
  gauge: `DEV_SM_CLOCK DEV_MEM_CLOCK DEV_MEMORY_TEMP DEV_GPU_TEMP DEV_POWER_USAGE DEV_GPU_UTIL DEV_MEM_COPY_UTIL
    DEV_ENC_UTIL DEV_DEC_UTIL DEV_XID_ERRORS DEV_FB_FREE DEV_FB_USED DEV_FB_RESERVED DEV_VGPU_LICENSE_STATUS
    DEV_ROW_REMAP_FAILURE PROF_GR_ENGINE_ACTIVE PROF_PIPE_TENSOR_ACTIVE PROF_DRAM_ACTIVE PROF_PCIE_TX_BYTES
    PROF_PCIE_RX_BYTES`,
  counter: `DEV_TOTAL_ENERGY_CONSUMPTION DEV_PCIE_REPLAY_COUNTER DEV_NVLINK_BANDWIDTH_TOTAL
    DEV_UNCORRECTABLE_REMAPPED_ROWS DEV_CORRECTABLE_REMAPPED_ROWS`,
  label: "DRIVER_VERSION",
} as const;

const off = {
  gauge: `PROF_SM_ACTIVE PROF_SM_OCCUPANCY PROF_PIPE_FP64_ACTIVE PROF_PIPE_FP32_ACTIVE PROF_PIPE_FP16_ACTIVE`,
  counter: `DEV_POWER_VIOLATION DEV_THERMAL_VIOLATION DEV_SYNC_BOOST_VIOLATION DEV_BOARD_LIMIT_VIOLATION
    DEV_LOW_UTIL_VIOLATION DEV_RELIABILITY_VIOLATION DEV_ECC_SBE_VOL_TOTAL DEV_ECC_DBE_VOL_TOTAL
    DEV_ECC_SBE_AGG_TOTAL DEV_ECC_DBE_AGG_TOTAL DEV_RETIRED_SBE DEV_RETIRED_DBE DEV_RETIRED_PENDING
    DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL
    DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL DEV_NVLINK_BANDWIDTH_L0
    PROF_PCIE_TX_BYTES PROF_PCIE_RX_BYTES`,
  label: `NVML_VERSION DEV_BRAND DEV_SERIAL DEV_OEM_INFOROM_VER DEV_ECC_INFOROM_VER DEV_POWER_INFOROM_VER
    DEV_INFOROM_IMAGE_VER DEV_VBIOS_VERSION`,
} as const;

/** What dcgm-exporter counts itself, under names that are no fields of DCGM. */
const itsOwn = "CLOCK_EVENTS_COUNT XID_ERRORS_COUNT GPU_HEALTH_STATUS P2P_STATUS";

export const dcgmExporterCounters: readonly DcgmExporterCounter[] = [
  ...counters(on, true),
  ...counters(off, false),
  ...itsOwn
    .split(" ")
    .map((name) => ({ name: `DCGM_EXP_${name}`, type: "counter", isOn: false }) as const),
];

function counters(
  byType: Readonly<Record<DcgmExporterCounter["type"], string>>,
  isOn: boolean,
): DcgmExporterCounter[] {
  return (["gauge", "counter", "label"] as const).flatMap((type) =>
    byType[type].split(/\s+/).map((name) => ({ name: `DCGM_FI_${name}`, type, isOn })),
  );
}
