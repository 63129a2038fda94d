import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const netdev = sourceNamed("netdev");

test("gives an interface's sixteen counts", async () => {
  const samples = await (await drive(netdev, smallServer())).read();
  expect(samples.size).toBe(32);
  expect(
    Object.fromEntries([...samples].filter(([name]) => name.includes('device="eth0"'))),
  ).toEqual({
    'node_network_receive_bytes_total{device="eth0"}': 275739062,
    'node_network_receive_packets_total{device="eth0"}': 7034,
    'node_network_receive_errs_total{device="eth0"}': 1,
    'node_network_receive_drop_total{device="eth0"}': 2,
    'node_network_receive_fifo_total{device="eth0"}': 3,
    'node_network_receive_frame_total{device="eth0"}': 4,
    'node_network_receive_compressed_total{device="eth0"}': 5,
    'node_network_receive_multicast_total{device="eth0"}': 6,
    'node_network_transmit_bytes_total{device="eth0"}': 495293,
    'node_network_transmit_packets_total{device="eth0"}': 4339,
    'node_network_transmit_errs_total{device="eth0"}': 7,
    'node_network_transmit_drop_total{device="eth0"}': 8,
    'node_network_transmit_fifo_total{device="eth0"}': 9,
    'node_network_transmit_colls_total{device="eth0"}': 10,
    'node_network_transmit_carrier_total{device="eth0"}': 11,
    'node_network_transmit_compressed_total{device="eth0"}': 12,
  });
});

test("gives each interface as a device of the node", async () => {
  const driven = await drive(netdev, smallServer());
  await driven.read();
  const devices = new Set(driven.series.map(({ device }) => `${device?.kind} ${device?.id}`));
  expect([...devices]).toEqual(["nic lo", "nic eth0"]);
});

test("follows interfaces that change places without mixing up their counts", async () => {
  const driven = await drive(netdev, smallServer());
  const before = await driven.read();
  const [first, second, lo, eth0] = String(smallServer()["proc/net/dev"]).split("\n");
  driven.change({ "proc/net/dev": [first, second, eth0, lo, ""].join("\n") });
  const after = await driven.read();
  expect(driven.changes).toBe(1);
  expect(after).toEqual(before);
});

test("takes colons, quotes and bytes that are no text in names", async () => {
  const samples = await (await drive(netdev, hostileHost())).read();
  expect(samples.get('node_network_receive_bytes_total{device="eth0:1"}')).toBe(1);
  expect(samples.get('node_network_receive_packets_total{device="q\\"uo\\\\te"}')).toBe(22);
  expect(samples.has('node_network_receive_errs_total{device="q\\"uo\\\\te"}')).toBe(false);
  expect(samples.get('node_network_transmit_compressed_total{device="\ufffd"}')).toBe(46);
  expect([...samples.keys()].some((name) => name.includes('device=""'))).toBe(false);
});
