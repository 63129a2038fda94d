/** What stands around a desk and a server hasn't got: a consumer GPU's sensors, a battery, a mains adapter, an uninterruptible supply, fans. */
import { linesIn, linkTo, type HostTree } from "./tree.ts";

export function workstationDesk(): HostTree {
  return {
    ...sensorFiles(),
    ...supplyFiles(),
    ...zoneFiles(),
    ...linesIn("sys/class/dmi/id", {
      bios_date: "02/21/2025",
      bios_release: "5.32",
      bios_vendor: "American Megatrends Inc.",
      bios_version: "3205",
      board_name: "ProArt X670E-CREATOR WIFI",
      board_vendor: "ASUSTeK COMPUTER INC.",
      chassis_vendor: "Default string",
      product_name: "System Product Name",
      sys_vendor: "ASUS",
    }),
  };
}

/** A chip's files are in its own folder on modern kernels, in its device's on old drivers. */
function sensorFiles(): HostTree {
  const chips: [string, string, Record<string, string | number>][] = [
    [
      "k10temp",
      "pci0000:00/0000:00:18.3",
      { temp1_input: 48_625, temp1_label: "Tctl", temp3_input: 41_250, temp3_label: "Tccd1" },
    ],
    [
      "amdgpu",
      "pci0000:00/0000:03:00.0",
      {
        fan1_enable: 0,
        fan1_input: 1187,
        fan1_max: 3200,
        fan1_min: 0,
        fan1_target: 1187,
        freq1_input: 2_124_000_000,
        freq1_label: "sclk",
        in0_input: 893,
        in0_label: "vddgfx",
        power1_average: 61_000_000,
        power1_cap: 327_000_000,
        power1_label: "PPT",
        pwm1: 84,
        pwm1_enable: 2,
        temp1_crit: 110_000,
        temp1_crit_hyst: -273_150,
        temp1_input: 51_000,
        temp1_label: "edge",
        temp2_emergency: 115_000,
        temp2_input: 64_000,
        temp2_label: "junction",
      },
    ],
    [
      "nvme",
      "pci0000:00/0000:01:00.0/nvme/nvme0",
      { temp1_alarm: 0, temp1_input: 43_850, temp1_label: "Composite", temp1_min: -5150 },
    ],
    ["iwlwifi_1", "virtual/ieee80211/phy0", { temp1_input: 39_000 }],
    ["drivetemp", "pci0000:00/ata1/0:0:0:0", { temp1_input: 34_000, temp1_highest: 47_000 }],
  ];
  const files: Record<string, string | null> = {};
  chips.forEach(([name, device, sensors], chip) => {
    const folder = `sys/class/hwmon/hwmon${chip}`;
    files[`sys/devices/${device}`] = null;
    files[`${folder}/device`] = linkTo(`../../../devices/${device}`);
    Object.assign(files, linesIn(folder, { name, ...sensors }));
  });
  return files;
}

function supplyFiles(): HostTree {
  return {
    ...linesIn("sys/class/power_supply/AC", { type: "Mains", online: 1 }),
    ...linesIn("sys/class/power_supply/BAT0", {
      alarm: 0,
      capacity: 87,
      capacity_level: "Normal",
      cycle_count: 211,
      energy_full: 79_430_000,
      energy_full_design: 94_200_000,
      energy_now: 69_310_000,
      manufacturer: "LGC",
      model_name: "5B10W13975",
      power_now: 12_345_000,
      present: 1,
      serial_number: "  1234",
      status: "Discharging",
      technology: "Li-poly",
      type: "Battery",
      voltage_min_design: 15_440_000,
      voltage_now: 16_112_000,
    }),
    // Something between the desk's battery and a mouse's: it tells its charge in words only.
    ...linesIn("sys/class/power_supply/hidpp_battery_0", {
      capacity_level: "High",
      manufacturer: "Logitech",
      model_name: 'Mouse "M705"',
      online: 1,
      scope: "Device",
      status: "Discharging",
      type: "Battery",
    }),
    ...linesIn("sys/class/power_supply/ups_hid", {
      capacity: 100,
      online: 1,
      status: "Full",
      time_to_empty_now: 2460,
      type: "UPS",
      voltage_now: 13_600_000,
    }),
  };
}

function zoneFiles(): HostTree {
  return {
    ...linesIn("sys/class/thermal/thermal_zone0", {
      mode: "enabled",
      policy: "step_wise",
      temp: 16_800,
      type: "acpitz",
    }),
    ...linesIn("sys/class/thermal/thermal_zone1", {
      policy: "step_wise",
      temp: -1,
      type: "iwlwifi_1",
    }),
    ...linesIn("sys/class/thermal/cooling_device0", {
      cur_state: 0,
      max_state: 10,
      type: "Processor",
    }),
    ...linesIn("sys/class/powercap/intel-rapl:0", {
      energy_uj: 41_234_567_890,
      max_energy_range_uj: 65_532_610_987,
      name: "package-0",
    }),
    ...linesIn("sys/class/powercap/intel-rapl:0:0", {
      energy_uj: 8_123_456_789,
      max_energy_range_uj: 65_532_610_987,
      name: "core",
    }),
    ...linesIn("sys/class/watchdog/watchdog0", {
      identity: "SP5100 TCO timer",
      state: "inactive",
      status: "0x0",
      timeout: 60,
    }),
  };
}
