import { expect, test } from "vitest";
import { createStatSource } from "../../../../agent/sources/host/stat.ts";
import { createFileShare } from "../../../../agent/sources/host/kept-file.ts";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const stat = sourceNamed("stat");

test("gives interrupts, context switches, forks, tasks and boot time", async () => {
  const samples = await (await drive(stat, smallServer())).read();
  expect(Object.fromEntries(samples)).toEqual({
    node_intr_total: 361034,
    node_context_switches_total: 765830,
    node_boot_time_seconds: 1795329575,
    node_forks_total: 7142,
    node_procs_running: 2,
    node_procs_blocked: 1,
  });
});

test("leaves out what is malformed or more than 64 bits and keeps the rest", async () => {
  const samples = await (await drive(stat, hostileHost())).read();
  expect(Object.fromEntries(samples)).toEqual({
    node_boot_time_seconds: 1795329575,
    node_forks_total: 18446744073709552000,
  });
});

test("tells deferred work by kind where that is asked for", async () => {
  const samples = await (
    await drive(createStatSource(createFileShare(), { softirqs: true }), smallServer())
  ).read();
  expect(samples.get('node_softirqs_total{vector="hi"}')).toBe(0);
  expect(samples.get('node_softirqs_total{vector="net_rx"}')).toBe(20_100);
  expect(samples.get('node_softirqs_total{vector="rcu"}')).toBe(41_971);
  expect([...samples.keys()].filter((name) => name.startsWith("node_softirqs_"))).toHaveLength(10);
});
