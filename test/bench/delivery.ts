/**
 * Whether people are told of everything, once: 500 alerts' lives under each of five kinds of faults, and a thousand GPUs that fail
 * within five seconds, through a real collector to a receiver that speaks PagerDuty. What isn't as promised fails the bench.
 * `node test/bench/delivery.ts [--faults 429,500,silence,reset,restart] [--nodes 50] [--storm 125]`
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gpuErrors } from "../../core/catalog/index.ts";
import { openMetric } from "../../core/catalog/metric.ts";
import type { Series } from "../../core/wire/frame.ts";
import { createFrameSender, type FrameSender } from "../kit/frame-sender.ts";
import { freePort, startWarpwatch, untilAnswered, type Program } from "../kit/programs.ts";
import { createRandom, type Random } from "../kit/random.ts";
import {
  startPagerDuty,
  type Fault,
  type Incident,
  type PagerDutyReceiver,
} from "../kit/receivers.ts";
import { reportBench, type BenchRow } from "./report.ts";

const kinds = ["429", "500", "silence", "reset", "restart"] as const;
type Kind = (typeof kinds)[number];

const faulty: Readonly<Record<Exclude<Kind, "restart">, { share: number; fault: Fault }>> = {
  429: { share: 0.04, fault: { kind: "status", status: 429, headers: { "retry-after": "1" } } },
  500: { share: 0.2, fault: { kind: "status", status: 500 } },
  silence: { share: 0.1, fault: { kind: "accept_then_silence" } },
  reset: { share: 0.2, fault: { kind: "reset" } },
};
const rulesPerNode = 10;
const routingKey = "k".repeat(32);
const longestWaitMilliseconds = 120_000;
const restartEveryMilliseconds = 4000;

interface Bench {
  readonly pager: PagerDutyReceiver;
  readonly address: string;
  readonly tokenFile: string;
  restart(): Promise<void>;
  close(): Promise<void>;
}

async function startBench(settings: Readonly<Record<string, unknown>>): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-delivery-"));
  const pager = await startPagerDuty();
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const file = join(folder, "collector.yaml");
  const pagerDuty = { type: "pagerduty", url: pager.url, routing_key: routingKey, timeout: "1s" };
  const { notifier = {}, ...rest } = settings;
  const notifiers = [Object.assign(pagerDuty, notifier)];
  const common = { listen: `127.0.0.1:${port}`, state_folder: folder, notifiers };
  writeFileSync(file, JSON.stringify({ ...common, ...rest }));
  const begin = async (): Promise<Program> => {
    const program = startWarpwatch(["collector", `--config.file=${file}`]);
    await untilAnswered(`${address}/-/ready`, program);
    return program;
  };
  let program = await begin();
  return {
    pager,
    address,
    tokenFile: join(folder, "push-token"),
    async restart() {
      program.child.kill("SIGKILL");
      await program.ended();
      program = await begin();
    },
    async close() {
      await program.stop();
      await pager.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Each node has ten rules of its own name that fire once: 500 alerts, each an incident of its own. */
async function liveUnder(kind: Kind, nodes: number, random: Random): Promise<BenchRow[]> {
  const metrics = Array.from({ length: rulesPerNode }, (_, index) =>
    openMetric(`bench_fault_${index}`, "gauge", "What the bench moves.", ["gpu"]),
  );
  const bench = await startBench({
    // What is measured are these incidents, not the summary of very many.
    notifier: { storm: 0 },
    own_rules: metrics.map(({ name }, index) => ({
      alert: `Injected${index}`,
      metric: name,
      op: ">",
      threshold: 0.5,
      severity: "critical",
      summary: "the bench injected it into GPU {{ gpu }}",
    })),
  });
  const { pager } = bench;
  const fired: number[] = [];
  const started = performance.now();
  try {
    if (kind !== "restart") {
      const { share, fault } = faulty[kind];
      const nothing: Fault = { kind: "slow", milliseconds: 0 };
      pager.plan(
        ...Array.from({ length: 40 * nodes * rulesPerNode }, () =>
          random.between(0, 1) < share ? fault : nothing,
        ),
      );
    }
    const series: Series[] = metrics.map((metric) => ({ metric, values: ["0"], device: null }));
    const senders = Array.from({ length: nodes }, (_, index) =>
      createFrameSender({ ...bench, node: `node-${index}`, series }),
    );
    let living = true;
    const restarts = kind === "restart" ? keepRestarting(bench, () => living) : Promise.resolve();
    await Promise.all(senders.map((sender) => liveOn(sender, random, fired)));
    living = false;
    await restarts;
    const expected = nodes * rulesPerNode;
    await pager
      .until(() => endedOf(pager) >= expected, longestWaitMilliseconds)
      .catch(() => undefined);
    for (const sender of senders) sender.close();
    return rowsOf(kind, pager, expected, (performance.now() - started) / 1000, fired);
  } finally {
    await bench.close();
  }
}

async function liveOn(sender: FrameSender, random: Random, fired: number[]): Promise<void> {
  sender.values.fill(0);
  await sender.send();
  await delay(random.between(0, 1000));
  for (let rule = 0; rule < rulesPerNode; rule += 1) {
    sender.values[rule] = 1;
    fired.push(performance.timeOrigin + performance.now());
    await sender.send();
    await delay(random.between(200, 1500));
    sender.values[rule] = 0;
    await sender.send();
    await delay(random.between(100, 500));
  }
}

async function keepRestarting(bench: Bench, isLiving: () => boolean): Promise<void> {
  while (isLiving()) {
    await delay(restartEveryMilliseconds);
    await bench.restart();
  }
}

function endedOf({ incidents }: PagerDutyReceiver): number {
  return incidents.filter(({ resolvedAtMilliseconds }) => resolvedAtMilliseconds > 0).length;
}

function rowsOf(
  kind: Kind,
  pager: PagerDutyReceiver,
  expected: number,
  seconds: number,
  fired: readonly number[],
): BenchRow[] {
  const { incidents, requests } = pager;
  const keys = new Set(incidents.map(({ dedupKey }) => dedupKey));
  const row = (what: string, unit: string, value: number): BenchRow => ({
    what: `${kind}: ${what}`,
    unit,
    rounds: [value],
  });
  const missing = expected - keys.size;
  const doubled = incidents.length - keys.size;
  const open = incidents.length - endedOf(pager);
  if (missing + doubled + open > 0 || fired.length !== expected) process.exitCode = 1;
  const waits = incidents
    .map(({ openedAtMilliseconds, timestampMilliseconds }) =>
      Math.max(0, openedAtMilliseconds - timestampMilliseconds),
    )
    .toSorted((one, other) => one - other);
  return [
    row("lives", "alerts", fired.length),
    row("missing", "incidents", missing),
    row("opened twice", "incidents", doubled),
    row("left open", "incidents", open),
    row("requests", "requests", requests.length),
    row("with a fault", "requests", requests.filter(({ answer }) => answer !== 202).length),
    row("p50 to the incident", "ms", waits[Math.floor(waits.length / 2)] ?? 0),
    row("p99 to the incident", "ms", waits[Math.floor(waits.length * 0.99)] ?? 0),
    row("took", "s", seconds),
  ];
}

/** Eight GPUs of every node fall off the bus within five seconds, by the rule that ships; then all are back. */
async function storm(nodes: number, random: Random): Promise<BenchRow[]> {
  const bench = await startBench({});
  const { pager } = bench;
  const { xidLastEvent } = gpuErrors;
  const senders = Array.from({ length: nodes }, (_, index) => {
    const node = `node-${String(index).padStart(3, "0")}`;
    const series = Array.from({ length: 8 }, (__, gpu) => ({
      metric: xidLastEvent,
      values: xidLastEvent.labels.map((label) => xidLabel(label, node, gpu)),
      device: null,
    }));
    return createFrameSender({ ...bench, node, series });
  });
  try {
    await Promise.all(senders.map(silentFrame));
    const began = performance.timeOrigin + performance.now();
    await Promise.all(senders.map((sender) => failWithin(sender, 5000, random)));
    const sentAfter = (performance.timeOrigin + performance.now() - began) / 1000;
    const isWhole = (): boolean => summaries(pager).at(-1)?.includes("1,000 alerts") === true;
    await pager.until(() => groups(pager).length >= nodes && (nodes < 125 || isWhole()), 60_000);
    const told = groups(pager).map(({ openedAtMilliseconds }) => openedAtMilliseconds - began);
    const whole = pager.requests.find(({ body }) => body.includes("1,000 alerts on"));
    // Nothing more may open once everything was told.
    await delay(5000);
    const opened = groups(pager).length;
    const opens = pager.incidents.filter(({ class: rule }) => rule === "AlertStorm");
    await Promise.all(senders.map(silentFrame));
    await pager.until(() => endedOf(pager) === pager.incidents.length, 60_000).catch(() => {});
    const open = pager.incidents.length - endedOf(pager);
    const last = Math.max(...told) / 1000;
    if (opened !== nodes || opens.length !== 1 || open > 0 || last > 30) process.exitCode = 1;
    const row = (what: string, unit: string, value: number): BenchRow => ({
      what: `storm: ${what}`,
      unit,
      rounds: [value],
    });
    process.stdout.write(`\n${summaries(pager).join("\n")}\n\n`);
    return [
      row("alerts", "alerts", nodes * 8),
      row("all frames acknowledged after", "s", sentAfter),
      row("incidents", "incidents", opened),
      row("summaries", "incidents", opens.length),
      row("first incident after", "s", Math.min(...told) / 1000),
      row("last incident after", "s", last),
      row("summary opened after", "s", ((opens[0]?.openedAtMilliseconds ?? 0) - began) / 1000),
      row("summary with all after", "s", ((whole?.atMilliseconds ?? 0) - began) / 1000),
      row("left open", "incidents", open),
      row("requests", "requests", pager.requests.length),
    ];
  } finally {
    for (const sender of senders) sender.close();
    await bench.close();
  }
}

function groups({ incidents }: PagerDutyReceiver): Incident[] {
  return incidents.filter(({ class: rule }) => rule === "GpuXid");
}

/** What the summary said, in order. */
function summaries({ requests }: PagerDutyReceiver): string[] {
  const events = requests.map(
    ({ body }) => JSON.parse(body) as { payload: { class: string; summary: string } },
  );
  return events.flatMap(({ payload }) => (payload.class === "AlertStorm" ? payload.summary : []));
}

function xidLabel(label: string, node: string, gpu: number): string {
  if (label === "gpu") return String(gpu);
  if (label === "UUID") return `GPU-${node}-${gpu}`;
  if (label === "xid") return "79";
  return label === "action" ? "reboot" : "";
}

/** No GPU has reported anything: the event is long ago. */
async function silentFrame(sender: FrameSender): Promise<void> {
  sender.values.fill(1);
  await sender.send();
}

async function failWithin(
  sender: FrameSender,
  milliseconds: number,
  random: Random,
): Promise<void> {
  const moments = Array.from(sender.values, () => random.between(0, milliseconds)).toSorted(
    (one, other) => one - other,
  );
  let passed = 0;
  for (const [gpu, moment] of moments.entries()) {
    await delay(moment - passed);
    passed = moment;
    sender.values[gpu] = Math.floor((performance.timeOrigin + performance.now()) / 1000);
    await sender.send();
  }
}

const { values: flags } = parseArgs({
  options: {
    faults: { type: "string", default: kinds.join(",") },
    nodes: { type: "string", default: "50" },
    storm: { type: "string", default: "125" },
  },
});
const random = createRandom(1);
const rows: BenchRow[] = [];
for (const kind of kinds.filter((one) => flags.faults.split(",").includes(one))) {
  process.stdout.write(`${kind} …\n`);
  rows.push(...(await liveUnder(kind, Number(flags.nodes), random)));
}
if (Number(flags.storm) > 0) rows.push(...(await storm(Number(flags.storm), random)));
reportBench("delivery", flags, rows);
