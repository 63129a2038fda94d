import { expect, test } from "vitest";
import { gpuServer } from "../../../hosts/gpu-server.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const netclass = sourceNamed("netclass");
const folder = "sys/class/net/eth0";

test("gives an interface's settings, and those of one that is down without its carrier", async () => {
  const samples = await (await drive(netclass, gpuServer({ ports: 2, pods: 1 }))).read();
  expect(samples.get('node_network_speed_bytes{device="ens0np0"}')).toBe(50e9);
  expect(samples.get('node_network_mtu_bytes{device="ens0np0"}')).toBe(9000);
  expect(samples.get('node_network_flags{device="ens0np0"}')).toBe(0x1003);
  expect(samples.get('node_network_up{device="ens1np0"}')).toBe(0);
  expect(samples.get('node_network_speed_bytes{device="ens1np0"}')).toBe(-125_000);
  expect(samples.has('node_network_carrier{device="ens1np0"}')).toBe(false);
  expect([...samples.keys()]).toContain(
    'node_network_info{address="02:00:00:00:00:02",adminstate="up",broadcast="ff:ff:ff:ff:ff:ff",device="ens0np0",duplex="full",ifalias="rail 0, spine 3",operstate="up"}',
  );
});

test("shows a link that goes down in the next round", async () => {
  const driven = await drive(netclass, {
    [`${folder}/operstate`]: "up\n",
    [`${folder}/carrier_changes`]: "2\n",
    [`${folder}/carrier`]: "1\n",
    [`${folder}/flags`]: "0x1003\n",
  });
  await driven.read();
  driven.change({
    [`${folder}/operstate`]: "down\n",
    [`${folder}/carrier_changes`]: "3\n",
    [`${folder}/carrier`]: "0\n",
  });
  const samples = await driven.read();
  expect(samples.get('node_network_up{device="eth0"}')).toBe(0);
  expect(samples.get('node_network_carrier{device="eth0"}')).toBe(0);
  expect(samples.get('node_network_carrier_changes_total{device="eth0"}')).toBe(3);
});

test("keeps hostile names and values apart from its own words", async () => {
  const samples = await (
    await drive(netclass, {
      'sys/class/net/q"uo\\te/operstate': "up\nnode_fake 1\n",
      'sys/class/net/q"uo\\te/mtu': "99999999999999999999999\n",
      'sys/class/net/q"uo\\te/ifindex': "\0\0\0",
      'sys/class/net/q"uo\\te/type': `${"1".repeat(5000)}\n`,
    })
  ).read();
  expect(samples.get('node_network_up{device="q\\"uo\\\\te"}')).toBe(0);
  expect(samples.has('node_network_iface_id{device="q\\"uo\\\\te"}')).toBe(false);
});

test("is absent where there is no sysfs", async () => {
  expect(await openOutcome(netclass, {})).toMatch(/^nothing is at \/sys\/class\/net: /);
});
