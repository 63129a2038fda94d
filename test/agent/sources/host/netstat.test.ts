import { expect, test } from "vitest";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const netstat = sourceNamed("netstat");
const snmp = (order: string): Record<string, string> => ({
  "proc/net/snmp": `Tcp: ${order}\nTcp: ${order === "MaxConn InSegs CurrEstab" ? "-1 20 3" : "3 -1 20"}\n`,
});

test("gives the fields that are kept, by name and not by place", async () => {
  const driven = await drive(netstat, {
    ...snmp("MaxConn InSegs CurrEstab"),
    "proc/net/snmp6": "Ip6InOctets                     \t44\nIp6InReceives 1\nnonsense\n",
  });
  const expected = {
    node_netstat_Tcp_InSegs: 20,
    node_netstat_Tcp_CurrEstab: 3,
    node_netstat_Ip6_InOctets: 44,
  };
  expect(Object.fromEntries(await driven.read())).toEqual(expected);
  driven.change(snmp("CurrEstab MaxConn InSegs"));
  expect(Object.fromEntries(await driven.read())).toEqual(expected);
  expect(driven.changes).toBe(1);
  const kinds = driven.series.map(({ metric }) => `${metric.name} ${metric.kind}`);
  expect(kinds).toContain("node_netstat_Tcp_CurrEstab gauge");
  expect(kinds).toContain("node_netstat_Tcp_InSegs counter");
});

test("takes lines that break the form for nothing", async () => {
  const driven = await drive(netstat, {
    "proc/net/snmp": "Tcp: InSegs OutSegs\nTcp: 5\nUdp\n: 1 2\nUdp: InDatagrams\nUdp: x\n",
  });
  expect(Object.fromEntries(await driven.read())).toEqual({ node_netstat_Tcp_InSegs: 5 });
});

test("is absent where there is none of its files", async () => {
  expect(await openOutcome(netstat, { "proc/stat": "" })).toBe(
    "nothing is at /proc/net/snmp: the kernel lacks CONFIG_INET",
  );
});
