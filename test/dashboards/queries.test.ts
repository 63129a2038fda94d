/**
 * Every query of every board, asked of a real Prometheus that scrapes a synthetic node with its collector, and this host
 * beside a stand-in for nvidia-smi, and AMD's GPUs out of a folder. What should move must move; what waits for a fault
 * gets it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { compare, metricsOf } from "../../alerts/expression.ts";
import {
  attribution,
  betweenReadings,
  cgroup,
  chrony,
  collector as collectorMetrics,
  dcgm,
  driveHealth,
  fabric,
  gpuDetails,
  gpuProfiling,
  gpuStack,
  inventory,
  ipmi,
  kernelLog,
  pci,
  rdma,
  self,
  stuckProcesses,
} from "../../core/catalog/index.ts";
import type { Metric } from "../../core/catalog/metric.ts";
import { boards } from "../../dashboards/all.ts";
import type { NeededFault, Panel, Query } from "../../dashboards/board.ts";
import { renderQuery } from "../../dashboards/query.ts";
import { amdCard, amdServer, metricsTable } from "../hosts/amd-server.ts";
import { writeHost, type HostTree } from "../hosts/tree.ts";
import { createFakeNvidiaSmi, fakeGpu } from "../kit/fake-nvidia-smi.ts";
import { makeFolder } from "../kit/folder.ts";
import { startMetricPage } from "../kit/metric-page.ts";
import { reportGpu, reportXml } from "../kit/nvidia-smi-report.ts";
import {
  freePort,
  hasProgram,
  startProgram,
  startWarpwatch,
  untilAnswered,
  type Program,
} from "../kit/programs.ts";
import { startPrometheus, type Prometheus } from "../kit/prometheus.ts";
import { startPagerDuty, startWebhook } from "../kit/receivers.ts";
import { repositoryRoot } from "../kit/sources.ts";

const rateWindowSeconds = 10;
const lookSeconds = 15;
/** Prometheus takes up its targets within five seconds; a rate needs its window after that. */
const settleMilliseconds = (5 + rateWindowSeconds + lookSeconds) * 1000;
/** While it lasts nothing of the node's GPUs can be read: the other faults come first. */
const last = "driver_hang";

const all = boards.flatMap((board) =>
  board.rows.flatMap((row) =>
    row.panels.map((panel) => ({
      name: `${board.title} / ${panel.title}`,
      panel,
      queries: panel.queries.map((query) => ({
        query,
        promql: resolve(renderQuery(board, query)),
      })),
    })),
  ),
);
type Asked = (typeof all)[number];

/** What neither the synthetic node nor every machine that runs the tests has. */
const onPage: ReadonlySet<unknown> = new Set([
  ...[attribution, cgroup, chrony, dcgm, driveHealth, fabric, gpuDetails, gpuProfiling].flatMap(
    (subject) => Object.values<unknown>(subject),
  ),
  ...[gpuStack, inventory, ipmi, kernelLog, pci, rdma, stuckProcesses].flatMap((subject) =>
    Object.values<unknown>(subject),
  ),
  ...Object.entries<unknown>({ ...self, ...collectorMetrics }).flatMap(([name, metric]) =>
    /^(probe|push[A-Z]|remoteStore|otlpExport)/.test(name) ? [metric] : [],
  ),
  betweenReadings.networkUtilization,
  betweenReadings.tcpRetransmits,
]);

function metricsIn({ expression }: Query): readonly Metric[] {
  return expression.op === "quantile" || expression.op === "buckets"
    ? [expression.of]
    : metricsOf(compare(expression, ">", 0));
}

function pageMetrics(): Metric[] {
  const used = new Set(
    all.flatMap(({ queries }) => queries.flatMap(({ query }) => metricsIn(query))),
  );
  return [...used].filter(
    (metric) => onPage.has(metric) || metric.name.startsWith("node_infiniband_"),
  );
}

it.runIf(hasProgram("prometheus"))(
  "every query returns series, those that move do move, and a fault that is needed makes the difference",
  async () => {
    const { prometheus, inject, node } = await startDemo();
    await pass(settleMilliseconds);
    const calm = all.filter(({ panel }) => panel.needsFault === undefined);
    const waiting = all.filter(({ panel }) => panel.needsFault !== undefined);
    expect(await complaintsThatStay(prometheus, calm)).toEqual([]);
    expect(await needless(prometheus, waiting, node)).toEqual([]);

    const faults = faultsOf(waiting);
    await Promise.all(faults.filter(({ kind }) => kind !== last).map(inject));
    const first = waiting.filter(({ panel }) => panel.needsFault?.kind !== last);
    expect(await complaintsThatStay(prometheus, first)).toEqual([]);

    await Promise.all(faults.filter(({ kind }) => kind === last).map(inject));
    const second = waiting.filter(({ panel }) => panel.needsFault?.kind === last);
    expect(await complaintsThatStay(prometheus, second)).toEqual([]);
  },
  240_000,
);

/** What is wrong with panels at every look within the time that a scrape, a rate's window and a look back take together. */
async function complaintsThatStay(
  prometheus: Prometheus,
  asked: readonly Asked[],
): Promise<string[]> {
  let left = asked.map((one) => ({ one, wrong: [""] }));
  const until = Date.now() + (rateWindowSeconds + lookSeconds) * 1000;
  let looked = 0;
  // The last look begins after that time, however long a busy machine took for the others.
  while (left.length > 0 && looked < until) {
    looked = Date.now();
    const looks = left.map(async ({ one }) => ({ one, wrong: await complaints(prometheus, one) }));
    left = (await Promise.all(looks)).filter(({ wrong }) => wrong.length > 0);
    await pass(1000);
  }
  return left.flatMap(({ wrong }) => wrong);
}

/** Queries that return nothing, or stand still though they should not. A fault moves its panel, not each of its lines. */
async function complaints(
  prometheus: Prometheus,
  { name, panel, queries }: Asked,
): Promise<string[]> {
  const found: string[] = [];
  let moving = 0;
  for (const { query, promql } of queries) {
    const state = await stateOf(prometheus, promql);
    if (state === "nothing") found.push(`${name}: no series: ${promql}`);
    if (state === "still" && mustMove(panel, query)) found.push(`${name}: still: ${promql}`);
    if (state === "moves") moving += 1;
  }
  if (panel.needsFault !== undefined && moving === 0)
    found.push(`${name}: stands still in spite of ${panel.needsFault.kind}`);
  return found;
}

function mustMove(panel: Panel, query: Query): boolean {
  return panel.still !== true && query.still !== true && panel.needsFault === undefined;
}

/**
 * Panels that wait for a fault and show all they have without it. Only the synthetic node is asked, which nothing but a
 * fault disturbs: on a busy machine reads of the host's agent hang, and alerts fire.
 */
async function needless(
  prometheus: Prometheus,
  asked: readonly Asked[],
  node: string,
): Promise<string[]> {
  const found: string[] = [];
  for (const { name, queries } of asked) {
    const states = await Promise.all(
      queries.map(({ promql }) =>
        stateOf(prometheus, promql.replaceAll('instance=~".+"', `instance="${node}"`)),
      ),
    );
    if (states.every((state) => state === "moves")) found.push(name);
  }
  return found;
}

async function stateOf(
  prometheus: Prometheus,
  promql: string,
): Promise<"nothing" | "still" | "moves"> {
  const series = await prometheus.range(promql, lookSeconds);
  const numbers = series.map(({ values }) => values.filter((value) => !Number.isNaN(value)));
  if (numbers.every((values) => values.length === 0)) return "nothing";
  return numbers.some((values) => new Set(values).size > 1) ? "moves" : "still";
}

function resolve(promql: string): string {
  return promql
    .replaceAll("$__rate_interval", `${rateWindowSeconds}s`)
    .replaceAll("$__range", "2m")
    .replaceAll('"$cluster"', '".*"')
    .replaceAll(/"\$(job|instance|gpu)"/g, '".+"');
}

function faultsOf(asked: readonly Asked[]): NeededFault[] {
  const faults = asked.flatMap(({ panel }) => panel.needsFault ?? []);
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
}

function pass(milliseconds: number): Promise<void> {
  return new Promise((resolveWait) => setTimeout(resolveWait, milliseconds));
}

async function startDemo() {
  const folder = makeFolder();
  const ports = Array.from({ length: 4 }, () => freePort());
  const [host = 0, amd = 0, synthetic = 0, collector = 0] = await Promise.all(ports);
  const report = reportXml([reportGpu(0)]);
  const smi = createFakeNvidiaSmi({ gpus: [workingGpu(0)], report });
  let round = 0;
  const work = setInterval(() => smi.set({ gpus: [workingGpu((round += 1))], report }), 1000);
  onTestFinished(() => clearInterval(work));
  const run = async (port: number, program: Program): Promise<void> => {
    onTestFinished(async () => void (await program.stop()));
    await untilAnswered(`http://127.0.0.1:${port}/-/ready`, program, 60_000);
  };
  const syntheticState = join(folder, "synthetic");
  const startAgent = (port: number, name: string, flags: readonly string[]): Program =>
    startProgram(
      process.execPath,
      [
        join(repositoryRoot, "bin/warpwatch.js"),
        "agent",
        `--web.listen-address=127.0.0.1:${port}`,
        `--state.folder=${join(folder, name)}`,
        `--node.name=${name}`,
        ...flags,
      ],
      { PATH: `${smi.path}:${process.env["PATH"] ?? ""}` },
    );
  const agent = startAgent(host, "this-host", []);
  const amdFolder = makeFolder();
  const { sysfs } = writeHost(amdFolder, amdServer());
  const amdWork = setInterval(() => void writeHost(amdFolder, workingAmd(round)), 1000);
  onTestFinished(() => clearInterval(amdWork));
  const amdAgent = startAgent(amd, "amd-host", [
    "--collector.disable-defaults",
    `--path.sysfs=${sysfs}`,
  ]);
  const up = startWarpwatch([
    "up",
    "--synthetic",
    `--synthetic.scenario=${writeScenario(folder)}`,
    `--agent.listen-address=127.0.0.1:${synthetic}`,
    `--collector.listen-address=127.0.0.1:${collector}`,
    `--config.file=${await writeSettings(folder, host)}`,
    `--state.folder=${syntheticState}`,
  ]);
  await Promise.all([run(host, agent), run(amd, amdAgent), run(synthetic, up), run(collector, up)]);
  const questions = setInterval(() => void askHistory(collector, syntheticState), 1000);
  onTestFinished(() => clearInterval(questions));
  const page = await startMetricPage(pageMetrics());
  const targets = [host, amd, synthetic, collector].map((port) => `127.0.0.1:${port}`);
  const prometheus = await startPrometheus(folder, page, ...targets);
  onTestFinished(async () => void (await prometheus.program.stop()));
  let gpu = 0;
  const inject = async ({ kind, code }: NeededFault): Promise<void> => {
    const program = startWarpwatch([
      "inject",
      kind,
      ...(kind === "filesystem_fill" ? [] : [`--gpu=${gpu++ % 8}`]),
      ...(code === undefined ? [] : [`--code=${code}`]),
      `--state.folder=${syntheticState}`,
    ]);
    expect(await program.ended(), program.output()).toBe(0);
  };
  return { prometheus, inject, node: `127.0.0.1:${synthetic}` };
}

/** Somebody looks at the console. */
async function askHistory(port: number, stateFolder: string): Promise<void> {
  const seconds = Math.floor(Date.now() / 1000);
  const range = `start=${seconds - 60}&end=${seconds}&step=1s`;
  const file = join(stateFolder, "token");
  const authorization = `Bearer ${readFileSync(file, "utf8").trim()}`;
  const address = `http://127.0.0.1:${port}/api/v1/query_range?metric=node_load1&${range}`;
  await fetch(address, { headers: { authorization } }).then(
    (answer) => answer.text(),
    () => "",
  );
}

/** The hottest GPU there is, whose program allocates a little more each round: the simulator's jobs do that only in hours. */
function workingGpu(round: number) {
  const used = 40_000 + (round % 60) * 100;
  const cells = { "memory.used": `${used} MiB`, "memory.free": `${81_000 - used} MiB` };
  const heat = {
    "temperature.gpu": String(88 + (round % 5)),
    "fan.speed": `${30 + (round % 7)} %`,
  };
  return fakeGpu(0, { ...cells, ...heat });
}

/** The first of AMD's: its clock goes up and down, and it draws 700 W. */
function workingAmd(round: number): HostTree {
  const joules = BigInt(500_000 + 700 * round);
  const table = metricsTable(0);
  table.writeBigUInt64LE(joules * 65_536n, 24);
  return {
    [`${amdCard(0)}/gpu_metrics`]: table,
    [`${amdCard(0)}/hwmon/hwmon4/freq1_input`]: `${2_000_000_000 + (round % 9) * 10_000_000}\n`,
  };
}

/** Requests come and go: what a GPU does changes by the second. */
function writeScenario(folder: string): string {
  const file = join(folder, "scenario.yaml");
  writeFileSync(file, "workload: inference\n");
  return file;
}

async function writeSettings(folder: string, host: number): Promise<string> {
  const pager = await startPagerDuty();
  const alertmanager = await startWebhook("/api/v2/alerts");
  onTestFinished(async () => void (await Promise.all([pager.close(), alertmanager.close()])));
  const file = join(folder, "collector.yaml");
  const settings = {
    scrape: [{ job: "warpwatch", interval: "1s", targets: [`127.0.0.1:${host}`] }],
    notifiers: [
      { type: "pagerduty", url: pager.url, routing_key: "0123456789abcdef0123456789abcdef" },
      { type: "alertmanager", urls: [new URL(alertmanager.url).origin], refresh: "2s" },
    ],
  };
  writeFileSync(file, JSON.stringify(settings));
  return file;
}
