/**
 * How long a fault takes to reach a pager from an agent that pushes: XIDs in the kernel's log, and a temperature sampled every
 * 100 ms and every second, directly; and the XIDs once more through a real Prometheus (1 s) and a real Alertmanager with the
 * configuration and the rules that we generate. `node test/bench/latency-push.ts [--injections 200]`.
 */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  describeXid,
  harmlessActions,
  quarantiningXids,
  xidCodes,
} from "../../core/catalog/xid.ts";
import { startGpuAgent, type GpuAgent } from "../kit/gpu-agent.ts";
import {
  freePort,
  startProgram,
  startWarpwatch,
  untilAnswered,
  type Program,
} from "../kit/programs.ts";
import { createRandom } from "../kit/random.ts";
import { pciBusIdOf } from "../standins/nvml-profiles.ts";
import { startPagerDuty, type Incident, type PagerDutyReceiver } from "../kit/receivers.ts";
import { repositoryRoot } from "../kit/sources.ts";
import { reportBench, type BenchRow } from "./report.ts";

const { values: flags } = parseArgs({
  options: { injections: { type: "string", default: "200" } },
});
const injections = Number(flags.injections);
const routingKey = "0123456789abcdef0123456789abcdef";
const gpus = 8;
const hotCelsius = 97;
const calmCelsius = 50;
/** The rule pages for none of them: test/alerts holds it to that. */
const applicationXids = new Set([13, 31, 43, 45, 94]);
const hotRule = "GpuHotAtOnce";
const xidRule = "GpuXid";
const longestWaitMilliseconds = 30_000;
const random = createRandom(1);

const folder = mkdtempSync(join(tmpdir(), "warpwatch-latency-"));
const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
try {
  const rows = [
    ...(await measureSignals("100ms")),
    ...(await measureSignals("1s")),
    ...(await measureXids()),
  ];
  reportBench("latency-push", { injections }, rows);
} finally {
  for (const step of undo.splice(0).toReversed()) await step();
}

/** A GPU grows hot and cools down again, at any phase of the agent's seconds. */
async function measureSignals(period: string): Promise<BenchRow[]> {
  const stack = await startPushing(`signals-${period}`, [`--sampling.fast-period=${period}`]);
  const { agent, pager } = stack;
  const times = { trigger: [] as number[], resolve: [] as number[] };
  for (let injection = 0; injection < injections; injection += 1) {
    const gpu = injection % gpus;
    for (const [what, celsius] of [
      ["trigger", hotCelsius],
      ["resolve", calmCelsius],
    ] as const) {
      await delay(random.between(200, 1200));
      const changedAt = now();
      agent.control.change(`gpu${gpu}`, { "temperature.0": celsius });
      const arrival = (): number => {
        const incident = incidentsOf(pager, hotRule)[injection];
        return (
          (what === "trigger"
            ? incident?.openedAtMilliseconds
            : incident?.resolvedAtMilliseconds) ?? 0
        );
      };
      await pager.until(() => arrival() > 0, longestWaitMilliseconds);
      times[what].push(arrival() - changedAt);
    }
  }
  await stack.stop();
  return [
    ...spreadRows(`signal at ${period}, direct, trigger`, times.trigger),
    ...spreadRows(`signal at ${period}, direct, resolve`, times.resolve),
  ];
}

/** Each XID of each GPU is an alert of its own. */
async function measureXids(): Promise<BenchRow[]> {
  const root = join(folder, "root");
  mkdirSync(join(root, "dev"), { recursive: true });
  const kernelLog = join(root, "dev/kmsg");
  writeFileSync(kernelLog, "");
  const stack = await startPushing("events", [`--path.rootfs=${root}`]);
  const behind = await startPagerDuty();
  undo.push(() => behind.close());
  await startPrometheusPath(stack.agent.address, behind.url);
  const codes = xidCodes.filter((code) => {
    const { action } = describeXid(code);
    return (
      !harmlessActions.has(action) && !quarantiningXids.has(code) && !applicationXids.has(code)
    );
  });
  const times = { direct: [] as number[], alertmanager: [] as number[] };
  for (let injection = 0; injection < Math.min(injections, gpus * codes.length); injection += 1) {
    await delay(random.between(200, 1200));
    const [gpu, xid] = [injection % gpus, codes[Math.floor(injection / gpus)] ?? 0];
    const bus = pciBusIdOf(gpu).slice(4, -2).toLowerCase();
    const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    const changedAt = now();
    appendFileSync(
      kernelLog,
      `3,${injection + 1},${Math.round(uptime * 1e6)},-;NVRM: Xid (PCI:${bus}): ${xid}, pid=1, name=train, test\n`,
    );
    await Promise.all(
      (
        [
          ["direct", stack.pager],
          ["alertmanager", behind],
        ] as const
      ).map(async ([path, pager]) => {
        const told = new RegExp(`GPU ${gpu} of \\S+ reported XID ${xid}:`);
        const arrival = (): number =>
          incidentsOf(pager, xidRule).find(({ summary }) => told.test(summary))
            ?.openedAtMilliseconds ?? 0;
        await pager.until(() => arrival() > 0, longestWaitMilliseconds);
        times[path].push(arrival() - changedAt);
      }),
    );
  }
  await stack.stop();
  return [
    ...spreadRows("XID in the kernel's log, direct, trigger", times.direct),
    ...spreadRows("XID, Prometheus at 1 s and Alertmanager, trigger", times.alertmanager),
  ];
}

interface PushingStack {
  readonly agent: GpuAgent;
  readonly pager: PagerDutyReceiver;
  stop(): Promise<void>;
}

/** A collector that tells the pager, and an agent of eight GPUs that pushes to it. */
async function startPushing(name: string, agentFlags: readonly string[]): Promise<PushingStack> {
  const own = join(folder, name);
  mkdirSync(own);
  const pager = await startPagerDuty();
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const state = join(own, "collector");
  const file = join(own, "collector.yaml");
  writeFileSync(file, collectorSettings(port, state, pager.url));
  const collector = startWarpwatch(["collector", `--config.file=${file}`]);
  undo.push(() => collector.stop());
  await untilAnswered(`${address}/-/ready`, collector);
  const agent = await startGpuAgent(
    own,
    Array.from({ length: gpus }, () => "h100" as const),
    {
      flags: [
        `--push.url=${address}`,
        `--push.token-file=${join(state, "push-token")}`,
        ...agentFlags,
      ],
    },
  );
  undo.push(() => agent.program.stop());
  for (let gpu = 0; gpu < gpus; gpu += 1)
    agent.control.change(`gpu${gpu}`, { "temperature.0": calmCelsius });
  await delay(5000);
  return {
    agent,
    pager,
    async stop() {
      await Promise.all([agent.program.stop(), collector.stop(), pager.close()]);
    },
  };
}

function collectorSettings(port: number, state: string, pagerUrl: string): string {
  return JSON.stringify({
    listen: `127.0.0.1:${port}`,
    state_folder: state,
    own_rules: [
      {
        alert: hotRule,
        metric: "DCGM_FI_DEV_GPU_TEMP",
        op: ">",
        threshold: 96,
        severity: "critical",
        summary: "GPU {{ gpu }} is at {{ value }} °C",
      },
    ],
    notifiers: [
      {
        type: "pagerduty",
        url: pagerUrl,
        routing_key: routingKey,
        // Each alert is an incident of its own; the second of a node would else be told as news of the first.
        severities: ["critical"],
        group_by: ["..."],
      },
    ],
  });
}

/**
 * Our rules in a Prometheus that scrapes and evaluates every second, and our configuration in an Alertmanager. It groups by
 * node; to have an incident per XID, each gets a node of its own on the way in.
 */
async function startPrometheusPath(agentAddress: string, pagerUrl: string): Promise<void> {
  const own = join(folder, "prometheus");
  mkdirSync(own);
  const [alertmanager, prometheus] = [await freePort(), await freePort()];
  const keyFile = join(own, "routing-key");
  writeFileSync(keyFile, routingKey);
  const configuration = readFileSync(
    join(repositoryRoot, "alerts/alertmanager/alertmanager.yaml"),
    "utf8",
  )
    .replace(/routing_key_file: .*/, `routing_key_file: ${keyFile}\n        url: ${pagerUrl}`)
    // Only the pager is there; the other receivers' addresses and files aren't.
    .replaceAll(/^ +(?:opsgenie|slack)_configs:\n(?: {6,}.*\n)+/gm, "")
    .replaceAll(/^( +)(?:- )?url: https:.*$/gm, (line) =>
      line.replace(/https:.*/, "http://127.0.0.1:9/"),
    );
  const configFile = join(own, "alertmanager.yml");
  writeFileSync(configFile, configuration);
  await start(
    `http://127.0.0.1:${alertmanager}/-/ready`,
    startProgram("prometheus-alertmanager", [
      `--config.file=${configFile}`,
      `--storage.path=${join(own, "alertmanager")}`,
      `--web.listen-address=127.0.0.1:${alertmanager}`,
      "--cluster.listen-address=",
    ]),
  );
  const prometheusFile = join(own, "prometheus.yml");
  writeFileSync(
    prometheusFile,
    JSON.stringify({
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [join(repositoryRoot, "alerts/yaml/warpwatch.rules.yaml")],
      alerting: {
        alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanager}`] }] }],
      },
      scrape_configs: [
        {
          job_name: "warpwatch",
          static_configs: [{ targets: [agentAddress] }],
          metric_relabel_configs: [
            {
              source_labels: ["gpu", "xid"],
              regex: "(.+);(.+)",
              target_label: "node",
              replacement: "node-$1-$2",
            },
          ],
        },
      ],
    }),
  );
  await start(
    `http://127.0.0.1:${prometheus}/-/ready`,
    startProgram("prometheus", [
      `--config.file=${prometheusFile}`,
      `--storage.tsdb.path=${join(own, "data")}`,
      `--web.listen-address=127.0.0.1:${prometheus}`,
    ]),
  );
  await delay(10_000);
}

function incidentsOf(pager: PagerDutyReceiver, rule: string): Incident[] {
  return pager.incidents.filter((incident) => incident.class === rule);
}

function start(url: string, program: Program): Promise<void> {
  undo.push(() => program.stop());
  return untilAnswered(url, program);
}

function spreadRows(what: string, milliseconds: readonly number[]): BenchRow[] {
  const sorted = milliseconds.toSorted((one, other) => one - other);
  const last = sorted[Math.ceil(0.99 * sorted.length) - 1] ?? Number.NaN;
  return [
    { what, unit: `ms, of ${sorted.length}`, rounds: milliseconds },
    { what: `${what}, p99`, unit: "ms", rounds: [last] },
  ];
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
