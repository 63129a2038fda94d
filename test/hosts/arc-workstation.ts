/** A workstation with an Intel Arc: the A770 under i915 as Linux 6.8 shows it, the B580 under xe as Linux 6.16 does. */
import { linesIn, type HostTree } from "./tree.ts";

export const arcCard = "sys/class/drm/card1";

export function arcUnderI915(): HostTree {
  return {
    ...processorGpu(),
    ...linesIn(arcCard, { "device/uevent": ueventOf("i915", "8086:56A0", "0000:03:00.0") }),
    ...linesIn(`${arcCard}/gt/gt0`, {
      rps_act_freq_mhz: 2400,
      rps_cur_freq_mhz: 2450,
      rps_RP0_freq_mhz: 2400,
      throttle_reason_status: 1,
      throttle_reason_pl1: 1,
      throttle_reason_pl2: 0,
      throttle_reason_pl4: 0,
      throttle_reason_prochot: 0,
      throttle_reason_ratl: 0,
      throttle_reason_thermal: 0,
      throttle_reason_vr_tdc: 0,
      throttle_reason_vr_thermalert: 0,
    }),
    ...linesIn(`${arcCard}/device/hwmon/hwmon3`, { name: "i915_gt0", energy1_input: 1 }),
    ...linesIn(`${arcCard}/device/hwmon/hwmon4`, {
      name: "i915",
      energy1_input: 7_250_000_000,
      power1_max: 190_000_000,
      power1_rated_max: 225_000_000,
      in0_input: 812,
      fan1_input: 900,
      temp1_input: 61_000,
    }),
  };
}

export function arcUnderXe(): HostTree {
  const tile = `${arcCard}/device/tile0`;
  return {
    ...processorGpu(),
    ...linesIn(`${arcCard}/device`, { uevent: ueventOf("xe", "8086:E20B", "0000:04:00.0") }),
    ...linesIn(tile, { physical_vram_size_bytes: "0x2f6000000" }),
    ...linesIn(`${tile}/gt0/freq0`, { act_freq: 2850, cur_freq: 2850, max_freq: 2850 }),
    ...linesIn(`${tile}/gt0/freq0/throttle`, { status: 0, reason_pl1: 0, reason_thermal: 0 }),
    ...linesIn(`${tile}/gt1/freq0`, { act_freq: 0, max_freq: 1500 }),
    ...linesIn(`${arcCard}/device/hwmon/hwmon2`, {
      name: "xe",
      energy1_input: 3_000_000_000,
      energy1_label: "card",
      energy2_input: 2_000_000_000,
      energy2_label: "pkg",
      power1_max: 190_000_000,
      temp2_input: 58_000,
      temp2_label: "pkg",
      temp2_crit: 100_000,
      temp3_input: 64_000,
      temp3_label: "vram",
    }),
  };
}

/** The processor's own has clocks and no sensors. */
function processorGpu(): HostTree {
  const card = "sys/class/drm/card0";
  return {
    "sys/devices/system": null,
    "sys/class/drm/renderD128": null,
    ...linesIn(card, { "device/uevent": ueventOf("i915", "8086:4680", "0000:00:02.0") }),
    ...linesIn(`${card}/gt/gt0`, { rps_act_freq_mhz: 350 }),
  };
}

function ueventOf(driver: string, pciId: string, address: string): string {
  return `DRIVER=${driver}\nPCI_CLASS=30000\nPCI_ID=${pciId}\nPCI_SLOT_NAME=${address}`;
}
