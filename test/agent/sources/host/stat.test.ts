import { expect, test } from "vitest";
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
