/** What the tests of remote-write share: an exporter that counts its scrapes, a Prometheus that sends, a collector that can be restarted. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { createHistory } from "../../collector/history/history.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { freePort, startProgram, startWarpwatch, untilAnswered, type Program } from "./programs.ts";

export interface Exporter {
  readonly port: number;
  /** What `test_level` says from now on. */
  level: number;
  close(): Promise<void>;
}

/** `test_scrapes_total` rises by one with each scrape, so that a sample that is lost or doubled shows. */
export async function startExporter(): Promise<Exporter> {
  let scrapes = 0;
  const exporter = { level: 1 };
  const server = createServer((_request, response) => {
    scrapes += 1;
    const many = Array.from({ length: 200 }, (_, at) => `test_many{at="${at}"} ${scrapes + at}`);
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(
      [
        "# HELP test_scrapes_total Scrapes of this exporter.",
        "# TYPE test_scrapes_total counter",
        `test_scrapes_total ${scrapes}`,
        "# TYPE test_level gauge",
        `test_level{kind="cold"} ${exporter.level}`,
        "# TYPE test_many gauge",
        ...many,
        "",
      ].join("\n"),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(exporter, {
    port,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

export interface Restartable {
  readonly url: string;
  start(): Promise<void>;
  /** At once, as a crash would. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  output(): string;
}

/** A Prometheus that scrapes the exporter every second, with what the caller adds to its configuration. */
export async function createPrometheus(
  folder: string,
  options: {
    readonly target?: number;
    readonly config?: string;
    readonly flags?: readonly string[];
  },
): Promise<Restartable> {
  const port = await freePort();
  const data = join(folder, `prometheus-${port}`);
  mkdirSync(data, { recursive: true });
  const file = join(data, "prometheus.yml");
  const scrape = `scrape_configs:
  - job_name: test
    static_configs: [{ targets: ["127.0.0.1:${options.target ?? 0}"], labels: { node: gpu-7 } }]
`;
  writeFileSync(
    file,
    `global: { scrape_interval: 1s, scrape_timeout: 900ms }
${options.target === undefined ? "" : scrape}${options.config ?? ""}`,
  );
  return createRestartable(`http://127.0.0.1:${port}`, "/-/ready", () =>
    startProgram("prometheus", [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(data, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
      ...(options.flags ?? []),
    ]),
  );
}

export interface RestartableCollector extends Restartable {
  readonly state: string;
  pushTokenFile(): string;
  get(path: string): Promise<unknown>;
}

export async function createCollector(
  folder: string,
  config: string,
): Promise<RestartableCollector> {
  const port = await freePort();
  const state = join(folder, `collector-${port}`);
  const file = join(folder, `collector-${port}.yaml`);
  writeFileSync(file, `listen: 127.0.0.1:${port}\nstate_folder: ${state}\n${config}`);
  const url = `http://127.0.0.1:${port}`;
  const restartable = createRestartable(url, "/-/ready", () =>
    startWarpwatch(["collector", `--config.file=${file}`]),
  );
  return {
    ...restartable,
    state,
    pushTokenFile: () => join(state, "push-token"),
    async get(path) {
      const token = readFileSync(join(state, "token"), "utf8").trim();
      const response = await fetch(`${url}${path}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
  };
}

/** Starts again at the same address with the same data. */
export function createRestartable(url: string, ready: string, launch: () => Program): Restartable {
  let program: Program | null = null;
  let output = "";
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (!program) return;
    program.child.kill(signal);
    await program.stop();
    output += program.output();
    program = null;
  };
  return {
    url,
    async start() {
      program = launch();
      await untilAnswered(`${url}${ready}`, program, 30_000);
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    output: () => output + (program?.output() ?? ""),
  };
}

export interface RawSample {
  /** Unix milliseconds. */
  readonly time: number;
  readonly value: number;
}

/** What a store that speaks PromQL holds of the selector's only series, sample by sample. */
export async function rawSamples(url: string, selector: string): Promise<RawSample[]> {
  const query = encodeURIComponent(`${selector}[1h]`);
  const response = await fetch(`${url}/api/v1/query?query=${query}`);
  const answer = (await response.json()) as {
    readonly data: { readonly result: readonly { readonly values: [number, string][] }[] };
  };
  const samples = answer.data.result.flatMap(({ values }) => values);
  return samples.map(([seconds, value]) => ({
    time: Math.round(seconds * 1000),
    value: Number(value),
  }));
}

/** What a stopped collector's history shows of a metric, once the journal became files: each sample as often as it is there. */
export async function historySamples(state: string, metric: string): Promise<RawSample[]> {
  const folder = join(state, "history");
  const clock = createEnv().clock;
  const history = createHistory({
    folder,
    env: createEnv({ clock }),
    log: createLog({ clock, write: () => undefined }),
    metrics: createSelfMetrics({ clock, processMetrics: false }),
    retentionMilliseconds: 30 * 86_400_000,
    rawMilliseconds: 86_400_000,
    maximumBytes: 1e12,
  });
  await history.compact({ all: true });
  await history.close();
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const result = await connection.runAndReadAll(
    `SELECT epoch_us(time)::DOUBLE / 1000, value
     FROM read_parquet('${join(folder, "day=*", "*.parquet")}', hive_partitioning = true)
     WHERE metric = '${metric}' AND NOT isnan(value) ORDER BY time`,
  );
  connection.closeSync();
  return result.getRows().map(([time, value]) => ({ time: Number(time), value: Number(value) }));
}

/** Polls until the condition holds, or throws with what it said last. */
export async function eventually<Value>(
  read: () => Promise<Value> | Value,
  holds: (value: Value) => boolean,
  milliseconds = 30_000,
): Promise<Value> {
  const deadline = performance.now() + milliseconds;
  let value = await read();
  while (!holds(value)) {
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    value = await read();
  }
  return value;
}
