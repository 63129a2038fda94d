import { expect, test } from "vitest";
import type { HostTree } from "../../../hosts/tree.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const utilization = sourceNamed("network_utilization");
const headings = "Inter-| Receive | Transmit\n face |bytes\n";

function traffic(received: number, sent: number): HostTree {
  const line = (name: string, bytes: number, out: number): string =>
    `${name}: ${bytes} 1 0 0 0 0 0 0 ${out} 1 0 0 0 0 0 0\n`;
  return { "proc/net/dev": headings + line("lo", 5, 5) + line("eth0", received, sent) };
}

/** 1 Gbit/s: 125,000,000 bytes in a second. */
const adapter: HostTree = {
  "sys/class/net/eth0/speed": "1000\n",
  "sys/class/net/eth0/device": null,
  // Speeds without an adapter are invented.
  "sys/class/net/lo/speed": "10000\n",
};

test("says the share of the link's speed in either direction", async () => {
  const driven = await drive(utilization, { ...adapter, ...traffic(1000, 1000) });
  expect(await driven.read()).toEqual(new Map());
  driven.change(traffic(1000 + 12_500_000, 1000 + 125_000_000));
  expect(Object.fromEntries(await driven.read())).toEqual({
    'warpwatch_network_utilization_ratio{device="eth0",direction="receive"}': 0.1,
    'warpwatch_network_utilization_ratio{device="eth0",direction="transmit"}': 1,
  });
  // Set up anew, it counts from zero: nothing is known of this second.
  driven.change(traffic(5, 5));
  expect(await driven.read()).toEqual(new Map());
});

test("follows a link that changes its speed", async () => {
  const driven = await drive(utilization, { ...adapter, ...traffic(0, 0) });
  await driven.read();
  driven.change({ "sys/class/net/eth0/speed": "100\n", ...traffic(6_250_000, 0) });
  await driven.clock.advance(9000);
  await driven.read();
  const name = 'warpwatch_network_utilization_ratio{device="eth0",direction="receive"}';
  let received = 6_250_000;
  await expect
    .poll(async () => {
      driven.change(traffic((received += 6_250_000), 0));
      return (await driven.read()).get(name);
    })
    .toBe(0.5);
});

test("is absent where no adapter tells a speed", async () => {
  expect(
    await openOutcome(utilization, {
      ...traffic(1, 1),
      "sys/class/net/eth0/speed": "-1\n",
      "sys/class/net/eth0/device": null,
    }),
  ).toMatch(/no network adapter tells the speed/);
});

test("loses nothing of what it measured when another interface comes", async () => {
  const driven = await drive(utilization, { ...adapter, ...traffic(0, 0) });
  await driven.read();
  const [headed = ""] = Object.values(traffic(12_500_000, 0)) as string[];
  driven.change({ "proc/net/dev": `${headed}cali1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n` });
  const samples = await driven.read();
  expect(driven.changes).toBe(1);
  expect(
    samples.get('warpwatch_network_utilization_ratio{device="eth0",direction="receive"}'),
  ).toBe(0.1);
});
