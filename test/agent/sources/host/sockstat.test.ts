import { expect, test } from "vitest";
import { pageSize } from "../../../../agent/sources/host/page-size.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("gives sockets by state, memory in pages and in bytes, and keeps IPv4 when IPv6 is off", async () => {
  const samples = await (
    await drive(sourceNamed("sockstat"), {
      "proc/net/sockstat": "sockets: used 290\nTCP: inuse 5 orphan x mem 3\nodd line\nUDP: inuse\n",
    })
  ).read();
  expect(Object.fromEntries(samples)).toEqual({
    node_sockstat_sockets_used: 290,
    node_sockstat_TCP_inuse: 5,
    node_sockstat_TCP_mem: 3,
    node_sockstat_TCP_mem_bytes: 3 * pageSize(),
  });
});
