import { expect, test } from "vitest";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const ipvs = sourceNamed("ipvs");

test("sums up a server that stands behind a service twice, and passes over broken lines", async () => {
  const samples = await (
    await drive(ipvs, {
      "proc/net/ip_vs_stats": "heading\nheading\n 1F  A        x     FF                0\n",
      "proc/net/ip_vs": [
        "  -> 0AF40105:1F90      Masq    1      1          1",
        "TCP  [2001:0DB8:0000:0000:0000:0000:0000:0001]:01BB rr",
        "  -> 0AF40105:1F90      Masq    1      12         3",
        "  -> 0AF40105:1F90      Masq    2      5          0",
        "  -> nowhere:1F90      Masq    1      12         3",
        "  -> 0AF40105:1F90      Masq",
        "",
      ].join("\n"),
    })
  ).read();
  const labels =
    '{local_address="2001:db8::1",local_mark="",local_port="443",proto="TCP",remote_address="10.244.1.5",remote_port="8080"}';
  expect(Object.fromEntries(samples)).toEqual({
    node_ipvs_connections_total: 31,
    node_ipvs_incoming_packets_total: 10,
    node_ipvs_incoming_bytes_total: 255,
    node_ipvs_outgoing_bytes_total: 0,
    [`node_ipvs_backend_connections_active${labels}`]: 17,
    [`node_ipvs_backend_connections_inactive${labels}`]: 3,
    [`node_ipvs_backend_weight${labels}`]: 3,
  });
});

test("is absent where the module isn't loaded", async () => {
  expect(await openOutcome(ipvs, { "proc/stat": "cpu 1\n" })).toMatch(/ip_vs isn't loaded/);
});
