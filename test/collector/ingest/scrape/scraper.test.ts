import { createServer, type RequestListener, type Server } from "node:http";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createSystemClock } from "../../../../core/kit/clock.ts";
import { isPresent, labelsOf, type Frame } from "../../../../core/wire/frame.ts";
import {
  createScraper,
  type JobConfig,
  type Scraper,
} from "../../../../collector/ingest/scrape/scraper.ts";
import { createTestMetrics, quietLog } from "../../../kit/rule-bench.ts";

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<{ address: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

const text = { "content-type": "text/plain; version=0.0.4" };

function start(job: Partial<JobConfig> & { targets?: string[]; labels?: Record<string, string> }) {
  const frames: Record<string, number>[] = [];
  const sent: Frame[] = [];
  const metrics = createTestMetrics();
  const { targets = [], labels = {}, ...rest } = job;
  const scraper: Scraper = createScraper({
    jobs: [
      {
        name: "test",
        intervalMilliseconds: 40,
        timeoutMilliseconds: 2000,
        scheme: "http",
        path: "/metrics",
        bodyLimitBytes: 10_000,
        groups: [{ targets, labels }],
        files: [],
        ...rest,
      },
    ],
    clock: createSystemClock(),
    log: quietLog,
    metrics,
    sink: {
      accept(frame) {
        sent.push(frame);
        frames.push(read(frame));
      },
    },
    boot: "b",
    maximumTargets: 3,
    seriesPerTarget: 100,
    discoveryMilliseconds: 100,
  });
  open.push(() => scraper.stop());
  const settled = () =>
    vi.waitFor(() => {
      const [view] = scraper.targets();
      if (!view || view.state === "new") throw new Error("not scraped yet");
      return view;
    }, 20_000);
  return { scraper, frames, sent, settled, metrics };
}

function read(frame: Frame): Record<string, number> {
  const found: Record<string, number> = {};
  frame.schema.series.forEach((series, slot) => {
    if (!isPresent(frame.present, slot) || series.metric.name === "scrape_duration_seconds") return;
    const labels = Object.entries(labelsOf(series)).map(([name, value]) => `${name}=${value}`);
    found[[series.metric.name, ...labels].join(" ")] = frame.values[slot] ?? Number.NaN;
  });
  return found;
}

describe("the scraper", () => {
  it("makes frames of a target's page, with `up` and the number of samples beside it", async () => {
    const { address } = await serve((_, response) => {
      response.writeHead(200, text).end('# TYPE a gauge\na{x="1"} 5\nb 6\n');
    });
    const { settled, frames, sent } = start({ targets: [address] });
    expect(await settled()).toMatchObject({
      state: "up",
      error: "",
      samples: 2,
      instance: address,
    });
    expect(frames[0]).toEqual({ up: 1, scrape_samples_scraped: 2, "a x=1": 5, b: 6 });
    expect(sent[0]?.schema.origin).toEqual({
      node: "127.0.0.1",
      job: "test",
      instance: address,
      boot: "b",
    });
  });

  it("asks over one connection that is kept, and keeps the schema while the page has the same series", async () => {
    let requests = 0;
    let connections = 0;
    const { address, server } = await serve((request, response) => {
      requests += 1;
      const body = gzipSync(`a ${requests}\n`);
      expect(request.headers["accept-encoding"]).toBe("gzip");
      response.writeHead(200, { ...text, "content-encoding": "gzip" }).end(body);
    });
    server.on("connection", () => (connections += 1));
    const { frames, sent } = start({ targets: [address] });
    await vi.waitFor(() => expect(frames.length).toBeGreaterThan(4), 20_000);
    expect(frames.slice(0, 3).map((frame) => frame["a"])).toEqual([1, 2, 3]);
    expect(connections).toBe(1);
    expect(new Set(sent.map((frame) => frame.schema)).size).toBe(1);
  });

  it("puts the target's labels on every series and keeps the page's own under another name", async () => {
    const { address } = await serve((_, response) => {
      response.writeHead(200, text).end('a{job="x",cluster="y",instance="z"} 1\n');
    });
    const labels = { cluster: "c1", node: "n7", instance: "me" };
    const { settled, frames, sent } = start({ targets: [address], labels });
    expect(await settled()).toMatchObject({ node: "n7", instance: "me" });
    expect(Object.keys(frames[0] ?? {})).toContain(
      "a exported_job=x exported_cluster=y exported_instance=z cluster=c1",
    );
    expect(sent[0]?.schema.origin).toMatchObject({ node: "n7", instance: "me", job: "test" });
  });

  it("takes a GPU that dcgm-exporter names for a device", async () => {
    const { address } = await serve((_, response) => {
      response
        .writeHead(200, text)
        .end('DCGM_FI_DEV_GPU_TEMP{gpu="3",UUID="GPU-9",modelName="H100"} 60\n');
    });
    const { settled, sent } = start({ targets: [address], labels: { node: "n1" } });
    await settled();
    expect(sent[0]?.schema.series.at(-1)?.device).toMatchObject({
      kind: "gpu",
      id: "GPU-9",
      name: "gpu3",
      node: "n1",
      model: "H100",
    });
  });

  it("keeps the good lines of a malformed page and names the first bad one", async () => {
    const { address } = await serve((_, response) => {
      response.writeHead(200, text).end("a 1\nb{ 2\nc 3\nd four\n");
    });
    const { settled, frames, metrics } = start({ targets: [address] });
    const view = await settled();
    expect(view.state).toBe("up");
    expect(view.error).toMatch(/^line 2: .+ \(and 1 more\); the other lines count$/);
    expect(frames[0]).toMatchObject({ up: 1, a: 1, c: 3 });
    expect(await metrics.render("text")).toMatch(/warpwatch_scrape_malformed_lines_total [1-9]/);
  });

  it("misses what a failed scrape doesn't bring, without taking it for ended", async () => {
    let healthy = true;
    const { address } = await serve((_, response) => {
      response.writeHead(healthy ? 200 : 503, text).end("a 1\n");
    });
    const { frames, sent } = start({ targets: [address] });
    await vi.waitFor(() => expect(frames.length).toBeGreaterThan(0), 20_000);
    healthy = false;
    await vi.waitFor(
      () => expect(frames.at(-1)).toEqual({ up: 0, scrape_samples_scraped: 0 }),
      20_000,
    );
    expect(sent.at(-1)?.schema).toBe(sent[0]?.schema);
    healthy = true;
    await vi.waitFor(() => expect(frames.at(-1)).toMatchObject({ up: 1, a: 1 }), 20_000);
  });

  it("says nothing of what may stand behind the end of a page that was cut off", async () => {
    const { address } = await serve((_, response) => {
      response
        .writeHead(200, { "content-type": "application/openmetrics-text; version=1.0.0" })
        .end("a 1\nb 2");
    });
    const { settled, sent } = start({ targets: [address] });
    await settled();
    expect(sent[0]?.complete).toBe(false);
  });
});

const failures: [string, RequestListener, RegExp][] = [
  ["never answers", () => {}, /^no whole answer within 0\.3 s \(TARGET_TIMEOUT/],
  [
    "stops in the middle of its answer",
    (_, response) => void response.writeHead(200, text).write("a 1\n"),
    /^no whole answer within 0\.3 s/,
  ],
  [
    "cuts the connection",
    (request) => void request.socket.resetAndDestroy(),
    /^the connection was cut before the answer was whole \(ECONNRESET\) \(TARGET_UNREACHABLE/,
  ],
  [
    "ends before the length it named",
    (request, response) => {
      response
        .writeHead(200, { ...text, "content-length": "500" })
        .write("a 1\n", () => request.socket.end());
    },
    /^the connection was cut|aborted/,
  ],
  [
    "answers with too much",
    (_, response) => void response.writeHead(200, text).end(`a 1\n${"#".repeat(20_000)}`),
    /^the answer is over 10000 bytes \(TARGET_TOO_LARGE/,
  ],
  [
    "answers with a small page that unpacks to a large one",
    (_, response) => {
      const bomb = gzipSync(Buffer.alloc(5_000_000, 35));
      response.writeHead(200, { ...text, "content-encoding": "gzip" }).end(bomb);
    },
    /^the answer unpacks to more than 10000 bytes \(TARGET_TOO_LARGE/,
  ],
  [
    "calls something gzip that isn't",
    (_, response) =>
      void response.writeHead(200, { ...text, "content-encoding": "gzip" }).end("a 1\n"),
    /^the answer isn't the gzip it says it is \(EXPOSITION_MALFORMED/,
  ],
  [
    "answers in another coding",
    (_, response) =>
      void response.writeHead(200, { ...text, "content-encoding": "br" }).end("a 1\n"),
    /^answered in the coding br \(TARGET_REFUSED/,
  ],
  [
    "redirects",
    (_, response) => void response.writeHead(302, { location: "http://127.0.0.1/else" }).end(),
    /^answered with a redirect \(302\) to http:\/\/127\.0\.0\.1\/else, which isn't followed \(TARGET_REFUSED/,
  ],
  [
    "fails",
    (_, response) => void response.writeHead(500).end("a 1\n"),
    /^answered with status 500/,
  ],
  [
    "sends headers without end",
    (_, response) => void response.writeHead(200, { ...text, x: "y".repeat(60_000) }).end("a 1\n"),
    /^the answer's headers are over 32768 bytes/,
  ],
  [
    "doesn't speak HTTP",
    (request) => void request.socket.end("hello\r\n"),
    /^the request failed: .*(TARGET_UNREACHABLE)/,
  ],
];

describe("a target that", () => {
  it.each(failures)("%s is down, with one sentence for why", async (_name, listener, sentence) => {
    const { address } = await serve(listener);
    const { settled, frames } = start({ targets: [address], timeoutMilliseconds: 300 });
    const view = await settled();
    expect(view.state).toBe("down");
    expect(view.error).toMatch(sentence);
    expect(view.error).not.toMatch(/\n|at .*\.(ts|js):/);
    expect(frames[0]).toEqual({ up: 0, scrape_samples_scraped: 0 });
  });

  it("nobody serves is down", async () => {
    const { settled } = start({ targets: ["127.0.0.1:1"] });
    expect((await settled()).error).toMatch(/^nothing listens at that address \(ECONNREFUSED\)/);
  });

  it("has more series than the bound keeps the first", async () => {
    const page = Array.from({ length: 150 }, (_, index) => `a{x="${index}"} 1\n`).join("");
    const { address } = await serve((_, response) => void response.writeHead(200, text).end(page));
    const { settled } = start({ targets: [address] });
    expect(await settled()).toMatchObject({ state: "up", samples: 100 });
  });
});

describe("target files", () => {
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), "warpwatch-targets-"));
    open.push(() => rmSync(path, { recursive: true }));
    return path;
  }
  /** Replaces a file the way tools do: a new one, renamed over it. */
  function put(path: string, content: string): void {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  }
  const instances = (scraper: Scraper) => scraper.targets().map(({ instance }) => instance);
  const later = { timeout: 20_000, interval: 20 };

  it("are read as JSON and YAML, and again when they change, come or go", async () => {
    const path = folder();
    put(join(path, "a.json"), '[{"targets":["127.0.0.1:1"],"labels":{"cluster":"c"}}]');
    put(join(path, "b.yaml"), "- targets: ['127.0.0.1:2']\n");
    const { scraper } = start({ files: [join(path, "*.json"), join(path, "*.yaml")] });
    expect(instances(scraper)).toEqual(["127.0.0.1:1", "127.0.0.1:2"]);
    put(join(path, "a.json"), '[{"targets":["127.0.0.1:3"]}]');
    rmSync(join(path, "b.yaml"));
    await vi.waitFor(() => expect(instances(scraper)).toEqual(["127.0.0.1:3"]), later);
  });

  it("that are broken are named by line, and what they said before stays", async () => {
    const path = join(folder(), "targets.yaml");
    put(path, "- targets: ['127.0.0.1:1']\n");
    const { scraper, metrics } = start({ files: [path] });
    expect(scraper.errors()).toEqual([]);
    put(path, "- targets: ['127.0.0.1:2']\n- tragets: []\n");
    await vi.waitFor(() => expect(scraper.errors()).toHaveLength(1), later);
    expect(scraper.errors()[0]).toContain(`${path}:2: 1.tragets: is not a setting`);
    expect(instances(scraper)).toEqual(["127.0.0.1:1"]);
    expect(await metrics.render("text")).toContain("warpwatch_scrape_discovery_errors_total 1");
  });

  it("that aren't there are named", () => {
    const { scraper } = start({ files: ["/nonexistent/targets.yaml"] });
    expect(scraper.errors()[0]).toMatch(
      /targets\.yaml: can't be read \(ENOENT\) \(CONFIG_UNREADABLE/,
    );
  });

  it("lose only the targets that can't be used", () => {
    const path = join(folder(), "targets.yaml");
    put(path, "- targets: ['http://x/', '127.0.0.1:1', 'a b', 'user@host:1']\n");
    const { scraper } = start({ files: [path] });
    expect(instances(scraper)).toEqual(["127.0.0.1:1"]);
    expect(scraper.errors()).toHaveLength(3);
    expect(scraper.errors()[0]).toContain('"http://x/" is not an address; write it as host:port');
  });

  it("can't name more targets than the bound", () => {
    const path = join(folder(), "targets.yaml");
    put(path, `- targets: [${[1, 2, 3, 4, 5].map((port) => `'127.0.0.1:${port}'`).join(",")}]\n`);
    const { scraper } = start({ files: [path] });
    expect(scraper.targets()).toHaveLength(3);
  });

  it("take scheme, path, node and instance from labels", () => {
    const path = join(folder(), "targets.yaml");
    const labels = "{__scheme__: https, __metrics_path__: /m, __meta_x: y, node: n1, instance: i1}";
    put(path, `- targets: ['127.0.0.1:1']\n  labels: ${labels}\n`);
    const { scraper } = start({ files: [path] });
    expect(scraper.targets()[0]).toMatchObject({
      url: "https://127.0.0.1:1/m",
      node: "n1",
      instance: "i1",
    });
  });
});
