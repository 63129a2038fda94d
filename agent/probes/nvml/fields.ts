/** What is read by number, all in one call of nvmlDeviceGetFieldValues: ids as NVIDIA's nvml.h gives them. */
import type { ReadingGroup } from "./readings.ts";

export interface Field {
  readonly key: string;
  readonly id: number;
  /** A link's number, {@link everyLink}, or a power scope; 0 for what has none. */
  readonly scope: number;
  readonly group: ReadingGroup;
}

/** Asks a link's counter for the sum over all links. */
const everyLink = 0xffffffff;

/** nvml.h has room for no more. */
const maximumLinks = 36;

export const linkCountField: Field = { key: "nvlink.count", id: 91, scope: 0, group: "steady" };

const ofTheGpu: Readonly<Record<ReadingGroup, Readonly<Record<string, number>>>> = {
  fast: {
    "ecc.corrected.volatile": 3,
    "ecc.uncorrected.volatile": 4,
    "ecc.corrected.aggregate": 5,
    "ecc.uncorrected.aggregate": 6,
    "violation.power": 74,
    "violation.thermal": 75,
    "violation.sync_boost": 76,
    "violation.board_limit": 77,
    "violation.low_utilization": 78,
    "violation.reliability": 79,
    "temperature.memory": 82,
    "remap.corrected": 142,
    "remap.uncorrected": 143,
    "remap.pending": 144,
    "remap.failure": 145,
    "power.average": 185,
    "power.instant": 186,
    "pcie.transmit_bytes": 197,
    "pcie.receive_bytes": 198,
    recovery_action: 230,
    "throttle.time.sw_thermal_slowdown": 269,
    "throttle.time.hw_thermal_slowdown": 270,
    "throttle.time.hw_power_brake_slowdown": 271,
  },
  steady: {
    "retired.single_bit": 29,
    "retired.double_bit": 30,
    "retired.pending": 31,
    "nvlink.crc_flit": 38,
    "nvlink.crc_data": 45,
    "nvlink.replay": 52,
    "nvlink.recovery": 59,
    "pcie.replay_rollovers": 95,
    "pcie.l0_to_recovery": 169,
    "c2c.count": 170,
    "pcie.correctable": 173,
    "pcie.naks_received": 174,
    "pcie.receiver_error": 175,
    "pcie.bad_tlp": 176,
    "pcie.naks_sent": 177,
    "pcie.bad_dllp": 178,
    "pcie.non_fatal": 179,
    "pcie.fatal": 180,
    "pcie.unsupported_request": 181,
    "pcie.lcrc_error": 182,
    "power.limit.default": 189,
    "temperature.limit.shutdown": 193,
    "temperature.limit.slowdown": 194,
    "temperature.limit.memory_maximum": 195,
    "temperature.limit.gpu_maximum": 196,
    "remap.corrected.inactive": 301,
    "remap.uncorrected.inactive": 302,
  },
};

/** By link. Blackwell and later have the second half instead of dl_*. */
const ofALink: Readonly<Record<string, number>> = {
  speed: 164,
  state: 165,
  version: 166,
  transmit: 138,
  receive: 139,
  dl_replay: 161,
  dl_recovery: 162,
  dl_crc: 163,
  malformed_packet: 206,
  buffer_overrun: 207,
  receive_error: 208,
  remote_error: 209,
  general_error: 210,
  local_integrity: 211,
  transmit_discard: 212,
  recovery_successful: 213,
  recovery_failed: 214,
  recovery_event: 215,
  effective_error: 219,
  symbol_error: 221,
};

/** Symbol errors that forward error correction mended, by how many a block had. */
const fecBins = 16;
const firstFecField = 235;

/** Everything that a GPU with this many NVLinks may have. */
export function fieldsFor(links: number): Field[] {
  const fields: Field[] = (["fast", "steady"] as const).flatMap((group) =>
    Object.entries(ofTheGpu[group]).map(([key, id]) => ({ key, id, scope: 0, group })),
  );
  fields.push({ key: "power.module", id: 186, scope: 1, group: "fast" });
  if (links === 0) return fields;
  fields.push(
    { key: "nvlink.transmit", id: 138, scope: everyLink, group: "fast" },
    { key: "nvlink.receive", id: 139, scope: everyLink, group: "fast" },
  );
  for (let link = 0; link < Math.min(links, maximumLinks); link += 1) {
    for (const [name, id] of Object.entries(ofALink))
      fields.push({ key: `link.${link}.${name}`, id, scope: link, group: "steady" });
    for (let bin = 0; bin < fecBins; bin += 1)
      fields.push({
        key: `link.${link}.fec_${bin}`,
        id: firstFecField + bin,
        scope: link,
        group: "steady",
      });
  }
  return fields;
}
