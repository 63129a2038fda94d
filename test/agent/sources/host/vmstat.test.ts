import { expect, test } from "vitest";
import { hostileHost } from "../../../hosts/hostile.ts";
import { smallServer } from "../../../hosts/small-server.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const vmstat = sourceNamed("vmstat");

test("gives paging, faults and out-of-memory kills, and no other key", async () => {
  const samples = await (await drive(vmstat, smallServer())).read();
  expect(Object.fromEntries(samples)).toEqual({
    node_vmstat_pgpgin: 1225233,
    node_vmstat_pgpgout: 986196,
    node_vmstat_pswpin: 3,
    node_vmstat_pswpout: 4,
    node_vmstat_pgfault: 2004980,
    node_vmstat_pgmajfault: 733,
    node_vmstat_oom_kill: 2,
  });
});

test("keeps the only good line of a broken file", async () => {
  const samples = await (await drive(vmstat, hostileHost())).read();
  expect(Object.fromEntries(samples)).toEqual({ node_vmstat_oom_kill: 3 });
});
