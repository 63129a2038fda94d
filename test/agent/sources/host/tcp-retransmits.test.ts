import { expect, test } from "vitest";
import type { HostTree } from "../../../hosts/tree.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const retransmits = sourceNamed("tcp_retransmits");
const ratio = "warpwatch_tcp_retransmit_ratio";

function counts(sent: number, again: number): HostTree {
  return {
    "proc/net/snmp": `Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm InSegs OutSegs RetransSegs InErrs\nTcp: 1 900 ${sent} ${again} 3\nUdp: InDatagrams\nUdp: 4\n`,
  };
}

test("says the share since boot at first, then since the last reading", async () => {
  const driven = await drive(retransmits, counts(990, 10));
  expect((await driven.read()).get(ratio)).toBe(0.01);
  driven.change(counts(1050, 30));
  expect((await driven.read()).get(ratio)).toBe(20 / 80);
});

test("says nothing of a time in which nothing was sent", async () => {
  const driven = await drive(retransmits, counts(990, 10));
  await driven.read();
  expect(await driven.read()).toEqual(new Map());
});

test("is down where the counts are missing", async () => {
  const driven = await drive(retransmits, { "proc/net/snmp": "Tcp: RtoAlgorithm\nTcp: 1\n" });
  await expect(driven.read()).rejects.toThrow(/no count of TCP segments/);
});
