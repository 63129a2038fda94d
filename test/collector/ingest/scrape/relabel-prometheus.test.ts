import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as fc from "fast-check";
import { stringify } from "yaml";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createLabeller } from "../../../../collector/ingest/scrape/series-labels.ts";
import { prometheusJobsSchema } from "../../../../collector/ingest/scrape/prometheus-settings.ts";
import { makeTarget } from "../../../../collector/ingest/scrape/target.ts";
import type { JobConfig } from "../../../../collector/ingest/scrape/watched-job.ts";
import { parseConfig } from "../../../../core/kit/config.ts";
import { createExpositionParser } from "../../../../core/wire/parse.ts";
import { makeSharedFolder } from "../../../kit/folder.ts";
import {
  freePort,
  hasProgram,
  startProgram,
  untilAnswered,
  type Program,
} from "../../../kit/programs.ts";

/** A real Prometheus relabels the same targets and pages by the same rules, which chance made. */
const jobCount = 120;
const seed = Number(process.env["RELABEL_SEED"] ?? 20_261_122);

const names = ["alpha", "beta", "gamma", "__meta_one", "__meta_two_three", "__tmp"];
const values = ["", "a", "B-7", "node-01.example", "true", "x;y", "9400", "ÄÖ"];
const patterns = [
  "(.*)",
  "(.+)",
  "a|b",
  "node-(\\d+)\\..*",
  "([a-z]+)-(?P<last>.*)",
  "true",
  "(?i)b-7",
  "",
  "[^;]*;(.*)",
  "__meta_(.+)",
  "alpha|beta",
  "(.)(.*)",
];
const templates = ["$1", "x-$1", "${1}_y", "$1x", "$2$1", "fixed", "", "$$", "${last}!", "$"];

const name = fc.constantFrom(...names);
const target = fc.constantFrom(
  "alpha",
  "beta",
  "delta",
  "__tmp",
  "t_$1",
  "${1}",
  "instance",
  "env",
);
const sources = fc.array(name, { minLength: 0, maxLength: 3 });
const pattern = fc.constantFrom(...patterns);
const separator = fc.option(fc.constantFrom(";", "", "-", "/"), { nil: undefined });
const plainTarget = fc.constantFrom("alpha", "delta", "shard");

const rule = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record(
      {
        source_labels: sources,
        separator,
        regex: pattern,
        target_label: target,
        replacement: fc.constantFrom(...templates),
        action: fc.constant("replace"),
      },
      { requiredKeys: ["target_label"] },
    ),
  },
  fc.record({ source_labels: sources, regex: pattern, action: fc.constantFrom("keep", "drop") }),
  fc.record({
    source_labels: sources,
    target_label: plainTarget,
    action: fc.constantFrom("lowercase", "uppercase", "keepequal", "dropequal"),
  }),
  fc.record({
    source_labels: sources,
    target_label: plainTarget,
    modulus: fc.integer({ min: 1, max: 1000 }),
    action: fc.constant("hashmod"),
  }),
  fc.record({
    regex: fc.constantFrom("__meta_(.+)", "(a|b)(.*)", "(.*)a"),
    replacement: fc.constantFrom("m_$1", "${1}_m", "same"),
    action: fc.constant("labelmap"),
  }),
  fc.record({
    regex: fc.constantFrom("alpha", "g.*", "beta|delta"),
    action: fc.constant("labeldrop"),
  }),
  fc.record({
    regex: fc.constantFrom("__.*|job|instance|alpha", "__.*|job|beta|gamma"),
    action: fc.constant("labelkeep"),
  }),
);
/** Rules that can't tear a series off its name, or its job and instance, which here are the page's as a whole. */
const metricRule = rule.filter(
  (one) =>
    one.action !== "labelkeep" && !("target_label" in one && /^\$|instance/.test(one.target_label)),
);
const labels = fc
  .uniqueArray(fc.tuple(name, fc.constantFrom(...values)), {
    selector: ([key]) => key,
    maxLength: 6,
  })
  .map((pairs) => Object.fromEntries(pairs));

interface Job {
  readonly job_name: string;
  readonly relabel_configs: object[];
  readonly metric_relabel_configs: object[];
  readonly honor_labels: boolean;
}

const page = `# TYPE a_total counter
a_total{alpha="a",beta="B-7"} 1
a_total{alpha="node-01.example",beta="true"} 2
b{gamma="x;y",delta="1"} 3
b{instance="own",env="9400"} 4
c 5
`;

describe.skipIf(!hasProgram("prometheus"))("relabelling, beside a real Prometheus", () => {
  const server = createServer((_, response) =>
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(page),
  );
  let program: Program | undefined;
  let jobs: readonly JobConfig[] = [];
  let groups: { targets: string[]; labels: Record<string, string> }[] = [];
  let base = "";
  let files = "";

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const folder = makeSharedFolder();
    const drawn = fc.sample(
      fc.record({
        relabel_configs: fc.array(rule, { maxLength: 4 }),
        metric_relabel_configs: fc.array(metricRule, { maxLength: 3 }),
        honor_labels: fc.boolean(),
      }),
      { numRuns: jobCount, seed },
    );
    files = join(folder, "targets.json");
    groups = fc.sample(labels, { numRuns: 5, seed }).map((found, index) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { ...found, __param_n: String(index) },
    }));
    writeFileSync(files, JSON.stringify(groups));
    const configs = drawn.map((one, index): Job & { file_sd_configs: object[] } => ({
      job_name: `job-${index}`,
      ...one,
      file_sd_configs: [{ files: [files] }],
    }));
    const text = stringify({ scrape_configs: configs });
    const config = join(folder, "prometheus.yml");
    writeFileSync(config, `global: { scrape_interval: 2s }\n${text}`);
    jobs = parseConfig(stringify(configs), config, prometheusJobsSchema);
    const listen = await freePort();
    base = `http://127.0.0.1:${listen}`;
    const data = join(folder, "data");
    mkdirSync(data);
    program = startProgram("prometheus", [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=127.0.0.1:${listen}`,
      "--log.level=error",
    ]);
    await untilAnswered(`${base}/-/ready`, program);
  }, 120_000);
  afterAll(async () => {
    await program?.stop();
    server.close();
  });

  const ask = async (path: string): Promise<unknown> =>
    ((await (await fetch(base + path)).json()) as { data: unknown }).data;
  const sorted = (found: Iterable<Record<string, string>>): string[] =>
    // What is left of `__tmp` and its like after metric relabelling is no label of a series here.
    [...found]
      .map((one) =>
        JSON.stringify(
          Object.entries(one)
            .filter(([key]) => !/^__(?!name)/.test(key))
            .toSorted(([one], [other]) => (one < other ? -1 : 1)),
        ),
      )
      .toSorted();

  it("keeps the same targets under the same labels", { timeout: 120_000 }, async () => {
    const ours = jobs.flatMap((job) =>
      targetsOf(job).map((one) => ({
        ...Object.fromEntries(one.labels),
        job: one.jobName,
        instance: one.instance,
      })),
    );
    // Targets that relabelling made equal are one there as well. It takes up one job after the other.
    await vi.waitFor(
      async () => {
        const { activeTargets } = (await ask("/api/v1/targets")) as {
          readonly activeTargets: readonly { readonly labels: Record<string, string> }[];
        };
        const theirs = activeTargets.map((one) => one.labels);
        expect([...new Set(sorted(ours))]).toEqual([...new Set(sorted(theirs))]);
      },
      { timeout: 60_000, interval: 500 },
    );
    expect(ours.length).toBeGreaterThan(jobCount);
    expect(ours.length).toBeLessThan(5 * jobCount);
  });

  it("keeps the same series under the same labels", { timeout: 120_000 }, async () => {
    const parser = createExpositionParser({ bodyBytes: 10_000, series: 100 });
    const ours = jobs.flatMap((job) =>
      targetsOf(job).flatMap((one) =>
        createLabeller(one)
          .label(parser.parse(Buffer.from(page), "text"))
          .series.map(({ name: metric, labels: keys, labelValues }) => ({
            job: one.jobName,
            instance: one.instance,
            ...Object.fromEntries(keys.map((key, index) => [key, labelValues[index] ?? ""])),
            __name__: metric,
          })),
      ),
    );
    await vi.waitFor(
      async () => {
        const query = encodeURIComponent('{__name__!="",__name__!~"up|scrape_.*"}');
        const theirs = (await ask(`/api/v1/series?match[]=${query}`)) as Record<string, string>[];
        expect([...new Set(sorted(ours))]).toEqual([...new Set(sorted(theirs))]);
      },
      { timeout: 60_000, interval: 1000 },
    );
    expect(ours.length).toBeGreaterThan(2 * jobCount);
  });

  function targetsOf(job: JobConfig) {
    return groups.flatMap(({ targets: [address = ""], labels: own }) => {
      try {
        return makeTarget(job, address, { ...own, __meta_filepath: files }) ?? [];
      } catch {
        return [];
      }
    });
  }
});
