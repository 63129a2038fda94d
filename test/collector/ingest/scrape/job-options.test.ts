import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { prometheusJobsSchema } from "../../../../collector/ingest/scrape/prometheus-settings.ts";
import { createScraper } from "../../../../collector/ingest/scrape/scraper.ts";
import { createSystemClock } from "../../../../core/kit/clock.ts";
import { isPresent, labelsOf, type Frame } from "../../../../core/wire/frame.ts";
import { makeAuthority, readCertificate } from "../../../kit/certificates.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { createTestMetrics, quietLog } from "../../../kit/rule-bench.ts";

const page = `# TYPE DCGM_FI_DEV_GPU_TEMP gauge
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-0",Hostname="node-7"} 40
DCGM_FI_DEV_GPU_TEMP{gpu="1",UUID="GPU-1",Hostname="node-7"} 41
go_threads 9
`;

async function serve(options: { tls?: ServerOptions; listener?: RequestListener } = {}) {
  const asked: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(request);
    response.writeHead(200, { "content-type": "text/plain" }).end(page);
  };
  const server = options.tls
    ? createSecureServer(options.tls, options.listener ?? listener)
    : createServer(options.listener ?? listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

/** Scrapes the address as a job of Prometheus' says, once a second; the first frame and how the target then stood. */
async function scrape(address: string, job: object) {
  const frames: Frame[] = [];
  const jobs = prometheusJobsSchema.parse([
    { job_name: "test", scrape_interval: "1s", static_configs: [{ targets: [address] }], ...job },
  ]);
  const scraper = createScraper({
    jobs: jobs.map((one) => ({ ...one, intervalMilliseconds: 100, timeoutMilliseconds: 5000 })),
    clock: createSystemClock(),
    log: quietLog,
    metrics: createTestMetrics(),
    sink: { accept: (frame) => void frames.push(frame) },
    boot: "b",
    maximumTargets: 10,
    seriesPerTarget: 100,
    discoveryMilliseconds: 100,
  });
  onTestFinished(() => scraper.stop());
  const settled = await vi.waitFor(() => {
    const [view] = scraper.targets();
    if (!view || view.state === "new" || frames.length === 0) throw new Error("not scraped yet");
    return { view, frame: frames[0] };
  }, 10_000);
  return { ...settled, scraper, frames };
}

function seriesOf(frame: Frame | undefined): string[] {
  return (frame?.schema.series ?? [])
    .filter(
      (series, slot) =>
        frame !== undefined &&
        isPresent(frame.present, slot) &&
        !/^(up|scrape_)/.test(series.metric.name),
    )
    .map((series) => `${series.metric.name} ${JSON.stringify(labelsOf(series))}`);
}

it("relabels what a page has, and keeps the values where the series went", async () => {
  const { address } = await serve();
  const { frame } = await scrape(address, {
    metric_relabel_configs: [
      { source_labels: ["__name__"], regex: "go_.*", action: "drop" },
      { source_labels: ["gpu"], regex: "0", action: "drop" },
      { source_labels: ["Hostname"], target_label: "node" },
      { regex: "Hostname", action: "labeldrop" },
      { source_labels: ["job"], target_label: "seen_job" },
    ],
  });
  expect(seriesOf(frame)).toEqual([
    'DCGM_FI_DEV_GPU_TEMP {"UUID":"GPU-1","gpu":"1","node":"node-7","seen_job":"test"}',
  ]);
  expect(frame?.values.at(-1)).toBe(41);
  expect(frame?.schema.series.at(-1)?.device).toMatchObject({ kind: "gpu", id: "GPU-1" });
});

it("lets relabelling choose targets, their names, their pages and their pace", async () => {
  const { address, asked } = await serve();
  const { view, frame } = await scrape(address, {
    params: { collect: ["cpu", "memory"], module: ["a"] },
    relabel_configs: [
      { target_label: "job", replacement: "renamed" },
      { target_label: "instance", replacement: "node-7:9400" },
      { target_label: "node", replacement: "node-7" },
      { target_label: "__metrics_path__", replacement: "/probe" },
      { target_label: "__param_module", replacement: "b" },
    ],
  });
  expect(view).toMatchObject({ job: "renamed", instance: "node-7:9400", node: "node-7" });
  expect(frame?.schema.origin).toMatchObject({ job: "renamed", instance: "node-7:9400" });
  expect(asked[0]?.url).toBe("/probe?collect=cpu&collect=memory&module=b");
});

it("gives the page's own labels precedence where they are honoured", async () => {
  const { address } = await serve({
    listener: (_, response) => response.end('a{job="own",rack="r1"} 1\n'),
  });
  const { frame } = await scrape(address, {
    static_configs: [{ targets: [address], labels: { rack: "r2", row: "x" } }],
    honor_labels: true,
  });
  expect(seriesOf(frame)).toEqual(['a {"job":"own","rack":"r1","row":"x"}']);
});

it.each([
  ["sample_limit", 2, /the page has 3 samples, and sample_limit is 2/],
  ["label_limit", 5, /DCGM_FI_DEV_GPU_TEMP has 6 labels, and label_limit is 5/],
  ["label_name_length_limit", 5, /has a label whose name is over label_name_length_limit, 5/],
  [
    "label_value_length_limit",
    5,
    /label Hostname of DCGM_FI_DEV_GPU_TEMP is over label_value_length_limit, 5/,
  ],
])("takes nothing of a page that is over %s", async (key, limit, sentence) => {
  const { address } = await serve();
  const { view, frame } = await scrape(address, { [key]: limit });
  expect(view).toMatchObject({ state: "down", error: expect.stringMatching(sentence) as string });
  expect(seriesOf(frame)).toEqual([]);
  expect(frame?.values[0]).toBe(0);
});

it("counts the samples that relabelling left", async () => {
  const { address } = await serve();
  const metric_relabel_configs = [{ source_labels: ["__name__"], regex: "go_.*", action: "drop" }];
  expect((await scrape(address, { sample_limit: 2, metric_relabel_configs })).view.state).toBe(
    "up",
  );
});

it("scrapes none of a job with more targets than it may have", async () => {
  const { address } = await serve();
  const scraper = createScraper({
    jobs: prometheusJobsSchema.parse([
      {
        job_name: "many",
        target_limit: 1,
        static_configs: [{ targets: [address, "127.0.0.1:1"] }],
      },
    ]),
    clock: createSystemClock(),
    log: quietLog,
    metrics: createTestMetrics(),
    sink: { accept: () => {} },
    boot: "b",
    maximumTargets: 10,
    seriesPerTarget: 100,
  });
  onTestFinished(() => scraper.stop());
  expect(scraper.targets()).toEqual([]);
  expect(scraper.errors()).toEqual([
    "job many: it has 2 targets, and target_limit is 1: none is scraped",
  ]);
});

it("shows a name and a password, or a token, from files that are read each time", async () => {
  const { address, asked } = await serve();
  const file = join(makeFolder(), "secret");
  writeFileSync(file, "first\n");
  await scrape(address, { basic_auth: { username: "prometheus", password_file: file } });
  const basic = Buffer.from("prometheus:first").toString("base64");
  expect(asked[0]?.headers.authorization).toBe(`Basic ${basic}`);
  const since = asked.length;
  await scrape(address, { authorization: { credentials_file: file } });
  writeFileSync(file, "second");
  const shown = () => asked.slice(since).map(({ headers }) => headers.authorization);
  await vi.waitFor(() => expect(shown()).toContain("Bearer second"), 10_000);
  expect(shown()).toContain("Bearer first");
});

it("trusts the job's authority, shows the job's certificate, and goes on when both are exchanged", async () => {
  const authority = makeAuthority(makeFolder());
  const own = authority.issue("127.0.0.1", { file: "server" });
  const mine = authority.issue("collector");
  const tls = {
    ...readCertificate(own),
    ca: readFileSync(authority.certificateFile),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const { address, server } = await serve({ tls });
  const config = {
    ca_file: authority.certificateFile,
    cert_file: mine.certificateFile,
    key_file: mine.keyFile,
  };
  const { view, scraper } = await scrape(address, { scheme: "https", tls_config: config });
  expect(view).toMatchObject({ state: "up", error: "" });
  const next = makeAuthority(makeFolder(), "next");
  const renewed = next.issue("127.0.0.1", { file: "server" });
  const again = next.issue("collector");
  const ca = readFileSync(next.certificateFile);
  if ("setSecureContext" in server) server.setSecureContext({ ...readCertificate(renewed), ca });
  server.closeAllConnections();
  writeFileSync(authority.certificateFile, ca);
  writeFileSync(mine.keyFile, readFileSync(again.keyFile));
  writeFileSync(mine.certificateFile, readFileSync(again.certificateFile));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await vi.waitFor(() => expect(scraper.targets()[0]).toMatchObject({ state: "up" }), 10_000);
});

it.each([
  ["an authority that didn't sign it", {}, "127.0.0.1", /certificate/],
  ["an expired certificate", { days: -1 }, "127.0.0.1", /certificate has expired/],
  ["a certificate of another name", {}, "192.0.2.1", /altnames/],
])("is told of %s", async (what, options, name, sentence) => {
  const authority = makeAuthority(makeFolder());
  const certificate = readCertificate(authority.issue(name, options));
  const trusted = what.startsWith("an authority")
    ? makeAuthority(makeFolder(), "other")
    : authority;
  const { address } = await serve({ tls: certificate });
  const tls_config = { ca_file: trusted.certificateFile };
  const { view } = await scrape(address, { scheme: "https", tls_config });
  expect(view).toMatchObject({ state: "down", error: expect.stringMatching(sentence) as string });
});

it("takes the name that the certificate is to have from the job, or any certificate where it is told to", async () => {
  const authority = makeAuthority(makeFolder());
  const certificate = readCertificate(authority.issue("exporter.internal"));
  const { address } = await serve({ tls: certificate });
  const named = { ca_file: authority.certificateFile, server_name: "exporter.internal" };
  expect((await scrape(address, { scheme: "https", tls_config: named })).view.state).toBe("up");
  const blind = { insecure_skip_verify: true };
  expect((await scrape(address, { scheme: "https", tls_config: blind })).view.state).toBe("up");
});
