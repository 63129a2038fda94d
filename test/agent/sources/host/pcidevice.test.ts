import { expect, test } from "vitest";
import { pcideviceSource } from "../../../../agent/sources/host/pcidevice.ts";
import { linkTo, type HostTree } from "../../../hosts/tree.ts";
import { drive } from "./drive.ts";

const own = "sys/devices/pci0000:00/0000:00:02.5/0000:3b:00.0";
const files: Readonly<Record<string, string>> = {
  class: "0x030200",
  vendor: "0x10de",
  device: "0x2330",
  subsystem_vendor: "0x10de",
  subsystem_device: "0x16c1",
  revision: "0xa1",
  max_link_speed: "32.0 GT/s PCIe",
  max_link_width: "16",
  current_link_speed: "2.5 GT/s PCIe",
  current_link_width: "8",
  numa_node: "1",
  power_state: "D0",
  d3cold_allowed: "1",
  sriov_totalvfs: "16",
};

const host: HostTree = {
  ...Object.fromEntries(
    Object.entries(files).map(([file, text]) => [`${own}/${file}`, `${text}\n`]),
  ),
  "sys/devices/pci0000:00/0000:00:02.5/class": "0x060400\n",
  "sys/devices/pci0000:00/0000:00:02.5/current_link_speed": "Unknown\n",
  "sys/devices/pci0000:00/0000:00:02.5/numa_node": "-1\n",
  "sys/bus/pci/devices/0000:00:02.5": linkTo("../../../devices/pci0000:00/0000:00:02.5"),
  "sys/bus/pci/devices/0000:3b:00.0": linkTo(
    "../../../devices/pci0000:00/0000:00:02.5/0000:3b:00.0",
  ),
  "sys/bus/pci/devices/nonsense": null,
};

test("tells a device's make, the bridge above it, its link now and at most, and its power", async () => {
  const samples = await (await drive(pcideviceSource, host)).read();
  const place = 'bus="3b",device="00",function="0",segment="0000"';
  const value = (name: string): number | undefined =>
    samples.get(`node_pcidevice_${name}{${place}}`);
  const info = [...samples.keys()].find((name) => name.includes('vendor_id="0x10de"'));
  expect(info).toBe(
    'node_pcidevice_info{bus="3b",class_id="0x030200",device="00",device_id="0x2330",function="0",parent_bus="00",parent_device="02",parent_function="5",parent_segment="0000",revision="0xa1",segment="0000",subsystem_device_id="0x16c1",subsystem_vendor_id="0x10de",vendor_id="0x10de"}',
  );
  expect(value("max_link_transfers_per_second")).toBe(32e9);
  expect(value("current_link_transfers_per_second")).toBe(2.5e9);
  expect(value("current_link_width")).toBe(8);
  expect(value("numa_node")).toBe(1);
  expect(value("d3cold_allowed")).toBe(1);
  expect(value("sriov_totalvfs")).toBe(16);
  expect(value("sriov_numvfs")).toBe(0);
  expect(samples.get(`node_pcidevice_power_state{${place},state="D0"}`)).toBe(1);
  expect(samples.get(`node_pcidevice_power_state{${place},state="D3hot"}`)).toBe(0);
});

test("gives -1 for the link of a device on none, and no node where none is near", async () => {
  const samples = await (await drive(pcideviceSource, host)).read();
  const bridge = '{bus="00",device="02",function="5",segment="0000"}';
  expect(samples.get(`node_pcidevice_max_link_width${bridge}`)).toBe(-1);
  expect(samples.get(`node_pcidevice_current_link_transfers_per_second${bridge}`)).toBe(-1);
  expect(samples.has(`node_pcidevice_numa_node${bridge}`)).toBe(false);
  const root = [...samples.keys()].find((name) => name.includes('parent_bus="*"'));
  expect(root).toContain('class_id="0x060400"');
});
