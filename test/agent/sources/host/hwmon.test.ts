import { expect, test } from "vitest";
import { linkTo } from "../../../hosts/tree.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const hwmon = sourceNamed("hwmon");
const chip = "sys/class/hwmon/hwmon3";

test("names a chip for its device's place on the bus, and gives every sensor its unit", async () => {
  const samples = await (
    await drive(hwmon, {
      "sys/devices/platform/nct6775.656": null,
      [`${chip}/device`]: linkTo("../../../devices/platform/nct6775.656"),
      [`${chip}/name`]: "nct6798\n",
      [`${chip}/temp1_input`]: "-5500\n",
      [`${chip}/temp1_label`]: "CPU\n",
      [`${chip}/fan2_input`]: "900\n",
      [`${chip}/fan2_alarm`]: "1\n",
      [`${chip}/power1_average`]: "2500000\n",
      [`${chip}/in0_input`]: "broken\n",
      [`${chip}/power/control`]: "auto\n",
    })
  ).read();
  const labels = (sensor: string): string => `{chip="platform_nct6775_656",sensor="${sensor}"}`;
  expect(Object.fromEntries(samples)).toEqual({
    'node_hwmon_chip_names{chip="platform_nct6775_656",chip_name="nct6798"}': 1,
    [`node_hwmon_temp_celsius${labels("temp1")}`]: -5.5,
    'node_hwmon_sensor_label{chip="platform_nct6775_656",label="CPU",sensor="temp1"}': 1,
    [`node_hwmon_fan_rpm${labels("fan2")}`]: 900,
    [`node_hwmon_fan_alarm${labels("fan2")}`]: 1,
    [`node_hwmon_power_average_watt${labels("power1")}`]: 2.5,
  });
});

test("names a chip without a device for itself, and survives a link into a circle", async () => {
  const samples = await (
    await drive(hwmon, {
      [`${chip}/name`]: "Odd Chip!\n",
      [`${chip}/temp1_input`]: "1000\n",
      [`${chip}/device`]: linkTo("device"),
    })
  ).read();
  expect(samples.get('node_hwmon_temp_celsius{chip="odd_chip",sensor="temp1"}')).toBe(1);
});

test("tells several chips of one device apart, and clocks by what the driver calls them", async () => {
  const device = "sys/devices/pci0/0000:03:00.0";
  const chips = Object.fromEntries(
    ["amdgpu", "fans", "fans"].flatMap((name, index) => [
      [`sys/class/hwmon/hwmon${index}/device`, linkTo(`../../../devices/pci0/0000:03:00.0`)],
      [`sys/class/hwmon/hwmon${index}/name`, `${name}\n`],
      [`sys/class/hwmon/hwmon${index}/freq1_input`, "214000000\n"],
    ]),
  );
  const samples = await (
    await drive(hwmon, {
      [device]: null,
      ...chips,
      "sys/class/hwmon/hwmon0/freq1_label": "sclk\n",
    })
  ).read();
  const base = "pci0_0000:03:00_0";
  expect(Object.fromEntries(samples)).toEqual({
    [`node_hwmon_chip_names{chip="${base}_amdgpu",chip_name="amdgpu"}`]: 1,
    [`node_hwmon_chip_names{chip="${base}_hwmon1",chip_name="fans"}`]: 1,
    [`node_hwmon_chip_names{chip="${base}_hwmon2",chip_name="fans"}`]: 1,
    [`node_hwmon_sensor_label{chip="${base}_amdgpu",label="sclk",sensor="freq1"}`]: 1,
    [`node_hwmon_freq_freq_mhz{chip="${base}_amdgpu",sensor="sclk"}`]: 214,
  });
});
