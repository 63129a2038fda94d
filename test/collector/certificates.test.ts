import { once } from "node:events";
import { createServer, get } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { watchCertificates } from "../../collector/certificates.ts";
import { createLog } from "../../core/kit/log.ts";
import { makeAuthority, readCertificate } from "../kit/certificates.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import { makeFolder } from "../kit/folder.ts";
import { createTestMetrics } from "../kit/rule-bench.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function serve(days: number): Promise<number> {
  const own = makeAuthority(makeFolder()).issue("localhost", { days });
  const server = createServer(readCertificate(own), (_, response) => response.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Asks the server, whoever signed its certificate: what counts is when it ends. */
async function ask(port: number): Promise<void> {
  const request = get({ port, host: "127.0.0.1", rejectUnauthorized: false, agent: false });
  const [response] = (await once(request, "response")) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, "end");
}

function watch() {
  const clock = createFakeClock(Date.now());
  const metrics = createTestMetrics(clock);
  const lines: string[] = [];
  const log = createLog({ clock, write: (line) => lines.push(line) > 0 });
  ends.push(watchCertificates({ clock, log, metrics }));
  return {
    clock,
    lines,
    /** Days from now to what the metrics page says. */
    days: async (): Promise<number> => {
      await clock.advance(2000);
      const page = await metrics.render("text");
      const [, seconds] =
        /^warpwatch_certificate_expiry_timestamp_seconds (\S+)$/m.exec(page) ?? [];
      return Math.round((Number(seconds) * 1000 - clock.now()) / 86_400_000);
    },
  };
}

describe("the certificates that servers show the collector", () => {
  it("are told by the first that expires, and one that does so soon is named in the log", async () => {
    const { days, lines } = watch();
    expect(await days()).toBeNaN();
    await ask(await serve(90));
    expect(await days()).toBe(90);
    expect(lines).toEqual([]);
    const soon = await serve(5);
    await ask(soon);
    await ask(soon);
    expect(await days()).toBe(5);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`the certificate of 127.0.0.1:${soon} expires soon`);
  });

  it("are forgotten an hour after the server was last asked", async () => {
    const { clock, days } = watch();
    await ask(await serve(5));
    expect(await days()).toBe(5);
    await clock.advance(3_600_000);
    expect(await days()).toBeNaN();
  });
});
