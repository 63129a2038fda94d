import { userInfo } from "node:os";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createDnsDiscovery, type DnsQuery } from "../../../../collector/ingest/scrape/dns.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import { freePort, hasProgram, startProgram, type Program } from "../../../kit/programs.ts";

/** A real name server for the domain gpu.test. */
async function serve(port: number, ...records: readonly string[]): Promise<Program> {
  const program = startProgram("dnsmasq", [
    "--no-daemon",
    "--conf-file=/dev/null",
    "--no-resolv",
    "--no-hosts",
    "--pid-file=",
    `--port=${port}`,
    "--listen-address=127.0.0.1",
    "--bind-interfaces",
    "--local=/gpu.test/",
    `--user=${userInfo().username}`,
    "--group=",
    ...records,
  ]);
  onTestFinished(async () => void (await program.stop()));
  await vi.waitFor(() => expect(program.output()).toMatch(/started, version/), 10_000);
  return program;
}

function discover(port: number, query: Partial<DnsQuery>) {
  const clock = createFakeClock();
  const errors: string[] = [];
  const discovery = createDnsDiscovery(
    {
      names: ["_metrics._tcp.gpu.test"],
      type: "SRV",
      port: 0,
      refreshMilliseconds: 30_000,
      servers: [`127.0.0.1:${port}`],
      ...query,
    },
    clock,
    (sentence) => errors.push(sentence),
  );
  onTestFinished(() => discovery.stop());
  const found = () =>
    vi.waitFor(() => {
      const groups = discovery.read();
      if (groups === null) throw new Error("nothing new yet");
      return groups;
    }, 10_000);
  return { discovery, clock, errors, found };
}

const first = "--srv-host=_metrics._tcp.gpu.test,node-1.gpu.test,9400";
const second = "--srv-host=_metrics._tcp.gpu.test,node-2.gpu.test,9401";
const addresses = (groups: readonly { readonly targets: readonly string[] }[]): string[] =>
  groups.flatMap(({ targets }) => targets);

describe.skipIf(!hasProgram("dnsmasq"))("targets from DNS", () => {
  it("are a service's hosts at their ports, and follow its records", async () => {
    const port = await freePort();
    const server = await serve(port, first);
    const { found, discovery, clock } = discover(port, {});
    expect(await found()).toEqual([
      {
        targets: ["node-1.gpu.test:9400"],
        labels: {
          __meta_dns_name: "_metrics._tcp.gpu.test",
          __meta_dns_srv_record_target: "node-1.gpu.test.",
          __meta_dns_srv_record_port: "9400",
        },
      },
    ]);
    await server.stop();
    await serve(port, second, first);
    expect(discovery.read()).toBeNull();
    await clock.advance(30_000);
    expect(addresses(await found())).toEqual(["node-1.gpu.test:9400", "node-2.gpu.test:9401"]);
  });

  it("are a name's addresses of one kind, at the port that is given", async () => {
    const port = await freePort();
    await serve(port, "--host-record=gpus.gpu.test,10.0.0.1,fd00::1");
    const names = ["gpus.gpu.test"];
    const four = discover(port, { names, type: "A", port: 9400 });
    const six = discover(port, { names, type: "AAAA", port: 9400 });
    expect(addresses(await four.found())).toEqual(["10.0.0.1:9400"]);
    expect(addresses(await six.found())).toEqual(["[fd00::1]:9400"]);
  });

  it("stay as they are while the name server doesn't answer, and go when it says that there are none", async () => {
    const port = await freePort();
    const server = await serve(port, first);
    const { found, discovery, clock, errors } = discover(port, {});
    await found();
    await server.stop();
    await clock.advance(30_000);
    await vi.waitFor(() => expect(discovery.errors()).toHaveLength(1), 15_000);
    expect(discovery.errors()[0]).toMatch(
      /^the SRV records of _metrics\._tcp\.gpu\.test are unknown: (nothing answers|the name server doesn't answer)/,
    );
    expect(discovery.read()).toBeNull();
    await clock.advance(30_000);
    expect(errors).toHaveLength(1);
    await serve(port);
    await vi.waitFor(async () => {
      await clock.advance(30_000);
      expect(discovery.errors()).toEqual([]);
    }, 15_000);
    expect(await found()).toEqual([]);
  });
});
