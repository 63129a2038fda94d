/** The programs that the bench of scraping compares, each as a user would run it: our collector, a Prometheus and a VictoriaMetrics. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judgedRules } from "../../alerts/all.ts";
import {
  freePort,
  hasProgram,
  startProgram,
  untilAnswered,
  type Program,
} from "../kit/programs.ts";
import { repositoryRoot } from "../kit/sources.ts";

export interface Contestant {
  readonly name: string;
  /** Why it can't take part; null when it can. */
  readonly missing: string | null;
  start(folder: string, targets: readonly string[]): Promise<Scraping>;
}

export interface Scraping {
  readonly program: Program;
  /** How many samples it took in since it was started, by its own account. */
  readonly taken: () => Promise<number>;
}

export function contestants(bundle: boolean): readonly Contestant[] {
  return [
    warpwatch("warpwatch, all rules", { history: false, bundle }),
    warpwatch("warpwatch, all rules and the journal", { history: true, bundle }),
    prometheus("a Prometheus", []),
    prometheus("a Prometheus, our rules", ["warpwatch", "warpwatch-optional"]),
    victoriaMetrics(),
  ];
}

function warpwatch(
  name: string,
  { history, bundle }: { readonly history: boolean; readonly bundle: boolean },
): Contestant {
  return {
    name,
    missing: null,
    async start(folder, targets) {
      const port = await freePort();
      const config = {
        listen: `127.0.0.1:${port}`,
        state_folder: join(folder, "state"),
        history: { enabled: history },
        rules: Object.fromEntries(judgedRules.map((rule) => [rule.name, { enabled: true }])),
        scrape: [{ job: "bench", interval: "1s", timeout: "900ms", targets }],
      };
      const file = join(folder, "collector.yaml");
      writeFileSync(file, JSON.stringify(config));
      const binary = bundle ? "dist/warpwatch.js" : "bin/warpwatch.js";
      const program = startProgram(process.execPath, [
        join(repositoryRoot, binary),
        "collector",
        `--config.file=${file}`,
        "--log.level=error",
      ]);
      const url = `http://127.0.0.1:${port}`;
      await untilAnswered(`${url}/-/ready`, program);
      return { program, taken: counterOf(url, "warpwatch_ingest_samples_total") };
    },
  };
}

function prometheus(name: string, ruleFiles: readonly string[]): Contestant {
  return {
    name,
    missing: hasProgram("prometheus") ? null : "apt-get install prometheus",
    async start(folder, targets) {
      const port = await freePort();
      const file = writeScrapeConfig(folder, targets, {
        global: { scrape_interval: "1s", scrape_timeout: "900ms", evaluation_interval: "1s" },
        rule_files: ruleFiles.map((one) => join(repositoryRoot, `alerts/yaml/${one}.rules.yaml`)),
      });
      const program = startProgram("prometheus", [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=error",
      ]);
      const url = `http://127.0.0.1:${port}`;
      await untilAnswered(`${url}/-/ready`, program);
      return { program, taken: counterOf(url, "prometheus_tsdb_head_samples_appended_total") };
    },
  };
}

function victoriaMetrics(): Contestant {
  return {
    name: "a VictoriaMetrics",
    missing: hasProgram("victoria-metrics") ? null : "apt-get install victoria-metrics",
    async start(folder, targets) {
      const port = await freePort();
      const file = writeScrapeConfig(folder, targets, {
        global: { scrape_interval: "1s", scrape_timeout: "900ms" },
      });
      const program = startProgram("victoria-metrics", [
        `-promscrape.config=${file}`,
        `-storageDataPath=${join(folder, "data")}`,
        `-httpListenAddr=127.0.0.1:${port}`,
        "-loggerLevel=ERROR",
      ]);
      const url = `http://127.0.0.1:${port}`;
      await untilAnswered(`${url}/health`, program);
      return { program, taken: counterOf(url, 'vm_rows_inserted_total{type="promscrape"}') };
    },
  };
}

function writeScrapeConfig(folder: string, targets: readonly string[], rest: object): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "prometheus.yml");
  const jobs = [{ job_name: "bench", static_configs: [{ targets }] }];
  writeFileSync(file, JSON.stringify({ ...rest, scrape_configs: jobs }));
  return file;
}

/** Reads one counter of a program's own page, all its series together. */
function counterOf(url: string, name: string): () => Promise<number> {
  return async () => {
    const page = await (await fetch(`${url}/metrics`)).text();
    const lines = page.split("\n").filter((line) => line.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };
}
