/** What is asked over the bus, of NFS mounts and of sockets, beside Debian's prometheus-node-exporter with the same answers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { chooseCollectors, collectorFlags } from "../../../../agent/collector-flags.ts";
import { realSources } from "../../../../agent/sources/all.ts";
import type { Source } from "../../../../agent/sources/source.ts";
import { defaultPaths } from "../../../../core/kit/env.ts";
import { nfsClient } from "../../../hosts/nfs-client.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { hasBus, startBus } from "../../../kit/bus.ts";
import { findNodeExporter } from "../../../kit/node-exporter.ts";
import { freePort, startProgram, untilAnswered } from "../../../kit/programs.ts";
import { makeSystemd, playLogind, playSystemd } from "../../../kit/systemd.ts";
import { makeHostContext, readSource } from "./context.ts";
import type { Difference } from "./parity-differences.ts";
import { describeParity } from "./parity-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "warpwatch-parity-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sourcesFor(args: readonly string[]): Source[] {
  const all = ["--collector.disable-defaults", ...args];
  const { values } = parseArgs({ args: all, options: collectorFlags });
  const { off, options } = chooseCollectors(values);
  return realSources({ off: new Set([...off, "inventory"]), options });
}

const aboutItself: Difference = {
  reason: "what node_exporter tells of itself we tell of ourselves by other names",
  sometimesTheirs: /^(node_scrape_|node_exporter_|promhttp_)/,
};
const fileFlags = ["--collector.mountstats"];

describeParity({
  hosts: [["an NFS client", writeHost(join(folder, "nfs"), nfsClient()), true]],
  sources: sourcesFor([...fileFlags, "--collector.xfrm"]),
  differences: [
    aboutItself,
    {
      reason: "newer releases of node_exporter have IPsec's failures and tell mount points",
      sometimesOurs: /^node_(xfrm_|mountstats_nfs_mountpoint_info)/,
    },
    {
      reason: "and tell a mount's connections apart",
      labels: Object.fromEntries(
        "bind_total connect_total idle_time_seconds sends_total receives_total bad_transaction_ids_total backlog_queue_total maximum_rpc_slots sending_queue_total pending_queue_total"
          .split(" ")
          .map((key) => [`node_mountstats_nfs_transport_${key}`, "transport"]),
      ),
    },
  ],
  flags: fileFlags,
  smallest: 200,
});

const socketFlags = ["--collector.tcpstat"];

describeParity({
  hosts: [["this machine, its sockets told", defaultPaths, false]],
  sources: sourcesFor(socketFlags),
  differences: [
    aboutItself,
    {
      reason: "sockets come and go between the readings",
      values: /^node_tcp_connection_states/,
    },
  ],
  flags: socketFlags,
  fleeting: /state="(syn_|fin_|time_|close|last_|closing)/,
  smallest: 4,
});

const program = findNodeExporter();
const busFlags = [
  "--collector.systemd",
  "--collector.systemd.enable-restarts-metrics",
  "--collector.systemd.enable-task-metrics",
  "--collector.systemd.enable-start-time-metrics",
  "--collector.logind",
];

describe.skipIf(program === null || !hasBus)("on one bus", () => {
  test("systemd's units and logind's sessions are the same, names, labels and values", async () => {
    const bus = await startBus();
    await playSystemd(bus, makeSystemd());
    await playLogind(bus);
    const variables = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${bus.socketPath}` };
    const theirs = await scrapeServices(variables);
    const ours = new Map<string, number>();
    for (const source of sourcesFor(busFlags))
      if (source.name === "systemd" || source.name === "logind")
        for (const [name, value] of await readSource(source, makeHostContext({ variables })))
          ours.set(name, value);
    // Newer releases have it.
    expect(ours.delete('node_systemd_virtualization_info{virtualization_type="none"}')).toBe(true);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
    expect(ours.size).toBeGreaterThan(150);
  });
});

async function scrapeServices(
  variables: Readonly<Record<string, string>>,
): Promise<Map<string, number>> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/metrics`;
  const args = [`--web.listen-address=127.0.0.1:${port}`, "--collector.disable-defaults"];
  const exporter = startProgram(program ?? "", [...args, ...busFlags], variables);
  onTestFinished(async () => void (await exporter.stop()));
  await untilAnswered(url, exporter);
  const lines = (await (await fetch(url)).text()).split("\n");
  return new Map(
    lines.flatMap((line): [string, number][] => {
      const [, name, value] = /^(node_(?:systemd|logind)_.*) (\S+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)]];
    }),
  );
}
