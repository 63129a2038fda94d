/** A real Prometheus that scrapes its targets every second, and what it says of their samples. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startProgram, untilAnswered, type Program } from "./programs.ts";

export interface ScrapeVerdict {
  /** Scrapes made, and those that succeeded. */
  readonly scrapes: number;
  readonly succeeded: number;
  /** Samples refused, by reason. */
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly outOfBounds: number;
  /** Samples of the last scrape. */
  readonly samples: number;
}

export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

export interface Prometheus {
  readonly program: Program;
  query(expression: string): Promise<number>;
  /** Every series over the last seconds, one value a second. Rejects with what Prometheus says of the expression. */
  range(expression: string, seconds: number): Promise<RangeSeries[]>;
  verdict(): Promise<ScrapeVerdict>;
}

export async function startPrometheus(
  folder: string,
  ...targets: readonly string[]
): Promise<Prometheus> {
  return startPrometheusWith(
    folder,
    `  - job_name: warpwatch
    static_configs: [{ targets: ${JSON.stringify(targets)} }]
`,
  );
}

/** With these entries of `scrape_configs`, indented by two, beside the one for itself. */
export async function startPrometheusWith(folder: string, jobs: string): Promise<Prometheus> {
  const data = join(folder, "prometheus");
  mkdirSync(data, { recursive: true });
  const config = join(folder, "prometheus.yml");
  const port = await freePort();
  writeFileSync(
    config,
    `global: { scrape_interval: 1s, scrape_timeout: 900ms }
scrape_configs:
${jobs}  - job_name: prometheus
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
`,
  );
  const program = startProgram("prometheus", [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ]);
  const base = `http://127.0.0.1:${port}`;
  await untilAnswered(`${base}/-/ready`, program);

  async function query(expression: string): Promise<number> {
    const response = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const answer = (await response.json()) as {
      readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
    };
    return Number(answer.data.result[0]?.value[1] ?? Number.NaN);
  }

  async function range(expression: string, seconds: number): Promise<RangeSeries[]> {
    const end = Math.floor(Date.now() / 1000);
    const parameters = new URLSearchParams({
      query: expression,
      start: String(end - seconds),
      end: String(end),
      step: "1",
    });
    const response = await fetch(`${base}/api/v1/query_range?${parameters.toString()}`);
    const answer = (await response.json()) as {
      readonly error?: string;
      readonly data?: {
        readonly result: readonly {
          readonly metric: Readonly<Record<string, string>>;
          readonly values: readonly (readonly [number, string])[];
        }[];
      };
    };
    if (!answer.data) throw new Error(`${expression}: ${answer.error ?? "no answer"}`);
    return answer.data.result.map(({ metric, values }) => ({
      labels: metric,
      values: values.map(([, value]) => Number(value)),
    }));
  }

  /** Prometheus' own counters, straight from its page: they are about every target, itself included. */
  async function ownCounter(name: string): Promise<number> {
    const page = await (await fetch(`${base}/metrics`)).text();
    const line = page.split("\n").find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.split(" ")[1] ?? Number.NaN);
  }

  return {
    program,
    query,
    range,
    verdict: async () => ({
      scrapes: await query('count_over_time(up{job="warpwatch"}[1h])'),
      succeeded: await query('sum_over_time(up{job="warpwatch"}[1h])'),
      duplicates: await ownCounter("prometheus_target_scrapes_sample_duplicate_timestamp_total"),
      outOfOrder: await ownCounter("prometheus_target_scrapes_sample_out_of_order_total"),
      outOfBounds: await ownCounter("prometheus_target_scrapes_sample_out_of_bounds_total"),
      samples: await query('scrape_samples_scraped{job="warpwatch"}'),
    }),
  };
}
