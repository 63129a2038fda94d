import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const diskstats = sourceNamed("diskstats");

test("gives a disk's seventeen counts in base units", async () => {
  const samples = await (await drive(diskstats, smallServer())).read();
  const ofDisk = (name: string): number | undefined =>
    samples.get(`node_disk_${name}{device="vda"}`);
  expect(ofDisk("reads_completed_total")).toBe(31919);
  expect(ofDisk("reads_merged_total")).toBe(8646);
  expect(ofDisk("read_bytes_total")).toBe(1252762624);
  expect(ofDisk("read_time_seconds_total")).toBeCloseTo(19.929, 9);
  expect(ofDisk("writes_completed_total")).toBe(2527);
  expect(ofDisk("writes_merged_total")).toBe(19258);
  expect(ofDisk("written_bytes_total")).toBe(1009848320);
  expect(ofDisk("write_time_seconds_total")).toBeCloseTo(11.084, 9);
  expect(ofDisk("io_now")).toBe(3);
  expect(ofDisk("io_time_seconds_total")).toBeCloseTo(10.456, 9);
  expect(ofDisk("io_time_weighted_seconds_total")).toBeCloseTo(31.422, 9);
  expect(ofDisk("discards_completed_total")).toBe(3276);
  expect(ofDisk("discards_merged_total")).toBe(46);
  expect(ofDisk("discarded_sectors_total")).toBe(226008);
  expect(ofDisk("discard_time_seconds_total")).toBeCloseTo(0.397, 9);
  expect(ofDisk("flush_requests_total")).toBe(91);
  expect(ofDisk("flush_requests_time_seconds_total")).toBeCloseTo(0.01, 9);
});

test("names the disk from udev and the volume from the device mapper", async () => {
  const samples = await (await drive(diskstats, smallServer())).read();
  expect([...samples.keys()].filter((name) => name.includes("info"))).toEqual([
    'node_disk_info{device="vda",major="254",minor="0",model="Virtual_Disk",path="pci-0000:00:04.0",revision="1.0",rotational="1",serial="S1",wwn="0x5001"}',
    'node_disk_info{device="dm-0",major="253",minor="0",model="",path="",revision="",rotational="0",serial="",wwn=""}',
    'node_disk_filesystem_info{device="dm-0",type="ext4",usage="filesystem",uuid="9f2c",version="1.0"}',
    'node_disk_device_mapper_info{device="dm-0",lv_layer="",lv_name="data",name="data",uuid="LVM-1",vg_name="vg0"}',
  ]);
});

test("passes over partitions and loop devices, and gives an old kernel's eleven counts only", async () => {
  const samples = await (await drive(diskstats, smallServer())).read();
  const devices = new Set([...samples.keys()].map((name) => /device="([^"]+)"/.exec(name)?.[1]));
  expect([...devices]).toEqual(["vda", "dm-0"]);
  expect(samples.get('node_disk_io_time_weighted_seconds_total{device="dm-0"}')).toBe(0.005);
  expect(samples.has('node_disk_discards_completed_total{device="dm-0"}')).toBe(false);
});

test("says changed when a drive falls off the bus and when it comes back", async () => {
  const driven = await drive(diskstats, smallServer());
  const before = await driven.read();
  const lines = String(smallServer()["proc/diskstats"]).split("\n");
  driven.change({ "proc/diskstats": lines.filter((line) => !line.includes("vda")).join("\n") });
  const without = await driven.read();
  expect([...without.keys()].some((name) => name.includes('"vda"'))).toBe(false);
  expect(without.get('node_disk_reads_completed_total{device="dm-0"}')).toBe(5);
  driven.change({ "proc/diskstats": lines.join("\n") });
  expect(await driven.read()).toEqual(before);
  expect(driven.changes).toBe(2);
});

test("takes odd names, short lines and repeated devices as they come", async () => {
  const samples = await (await drive(diskstats, hostileHost())).read();
  expect(samples.get('node_disk_reads_completed_total{device="sdz"}')).toBe(1);
  expect(samples.get('node_disk_reads_completed_total{device="sdüß"}')).toBe(1);
  expect(samples.has('node_disk_reads_completed_total{device="cciss/c0d0"}')).toBe(false);
  expect(samples.get('node_disk_reads_merged_total{device="cciss/c0d0"}')).toBe(2);
});
