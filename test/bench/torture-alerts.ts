/**
 * The crash test of alerts: a collector is killed at random instants while they begin, fire and resolve; afterwards the incidents
 * at the receiver must be what the served samples call for. With `--binary` it is the whole collector, scraping once a second;
 * without, one cut down to what a crash can hurt, ten times as fast, which can be ended exactly between two steps.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openState } from "../../collector/state/open.ts";
import { createSystemClock } from "../../core/kit/clock.ts";
import { harnessThreshold, type HarnessSettings } from "../kit/collector-harness.ts";
import { createRandom, type Random } from "../kit/random.ts";
import {
  startPagerDuty,
  startWebhook,
  type Fault,
  type PagerDutyReceiver,
  type Receiver,
} from "../kit/receivers.ts";
import {
  countStretches,
  judgeIncidents,
  type ServedSample,
  type Stretch,
  type Timing,
} from "../kit/torture-oracle.ts";

export interface TortureReport {
  readonly kills: number;
  readonly seed: number;
  readonly samples: number;
  readonly incidents: number;
  /** Requests that repeated what a receiver had accepted before. */
  readonly repetitions: number;
  readonly seconds: number;
  /** What went wrong, one sentence each; empty when nothing did. */
  readonly faults: readonly string[];
}

interface Pace extends Timing {
  readonly highMilliseconds: readonly [number, number];
  readonly lowMilliseconds: readonly [number, number];
  /** How long a collector lives at most once it has scraped. */
  readonly aliveMilliseconds: number;
  /** Scrapes after which a calm collector must have told everything. */
  readonly calmScrapes: number;
}

const gpuCount = 12;
const pagerDuty = { type: "pagerduty", routing_key: "k".repeat(32), timeout: "400ms" };
const harnessPeriodMilliseconds = 60;
const longestWaitMilliseconds = 2500;
const harnessPace: Pace = {
  forMilliseconds: 600,
  toleranceMilliseconds: 0,
  highMilliseconds: [200, 2500],
  lowMilliseconds: [200, 1500],
  aliveMilliseconds: 900,
  calmScrapes: 20,
};

const binaryPace: Pace = {
  forMilliseconds: 2500,
  toleranceMilliseconds: 150,
  highMilliseconds: [1000, 9000],
  lowMilliseconds: [1000, 4000],
  aliveMilliseconds: 4000,
  calmScrapes: 4,
};

export interface TortureOptions {
  readonly kills: number;
  readonly seed: number;
  /** The whole collector as users start it. */
  readonly binary?: boolean;
}

export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const { kills, seed, binary = false } = options;
  const pace = binary ? binaryPace : harnessPace;
  const started = performance.now();
  const random = createRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-torture-"));
  const pager = await startPagerDuty();
  const grouping = await startPagerDuty();
  const hook = await startWebhook();
  const target = await startTarget(random, pace);
  const notifiers = [
    { ...pagerDuty, url: pager.url, group_by: ["..."] },
    { ...pagerDuty, url: grouping.url, name: "grouping" },
    { type: "webhook", url: hook.url, timeout: "400ms" },
  ];
  const start = binary
    ? prepareBinary(folder, target.url, notifiers, pace)
    : prepareHarness(folder, target.url, notifiers, pace);
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      pager.plan(...planFaults(random));
      grouping.plan(...planFaults(random));
      hook.plan(...planFaults(random));
      // Half of them die between two steps, half whenever the signal happens to reach them.
      const lastStep = !binary && random.below(2) === 0 ? 1 + random.below(40) : 0;
      const child = start(lastStep);
      const exited = once(child, "exit");
      if (lastStep > 0) await Promise.race([exited, delay(longestWaitMilliseconds)]);
      else await instantToKill(random, target, pager, pace);
      await end(child, "SIGKILL");
      target.generationEnded();
    }
    const leftover = await settle(start, folder, target, pace);
    const faults = [
      ...leftover,
      ...judgePager(pager, target, pace),
      ...judgeHook(hook, pager),
      ...judgeGroup(grouping, hook),
      ...(target.samples === 0 ? ["the target was never scraped"] : []),
    ];
    return {
      kills,
      seed,
      samples: target.samples,
      incidents: pager.incidents.length,
      repetitions: countRepetitions(pager),
      seconds: Math.round((performance.now() - started) / 100) / 10,
      faults,
    };
  } finally {
    await Promise.all([pager.close(), grouping.close(), hook.close(), target.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Target {
  readonly url: string;
  readonly logs: readonly (readonly ServedSample[])[];
  readonly samples: number;
  /** The collector that scraped is dead: its last sample stays unconfirmed. */
  generationEnded(): void;
  /** From now on every level is low. */
  calm(): void;
  scraped(times: number): Promise<void>;
  close(): Promise<void>;
}

/** Serves levels that go over and back on a schedule of their own, and keeps what it served. */
async function startTarget(random: Random, pace: Pace): Promise<Target> {
  const logs: { timeMilliseconds: number; high: boolean; confirmed: boolean }[][] = Array.from(
    { length: gpuCount },
    () => [],
  );
  const levels = Array.from({ length: gpuCount }, () => ({ high: false, until: 0 }));
  let calm = false;
  let samples = 0;
  let isFirstOfGeneration = true;
  const server = createServer((request, response) => {
    const time = Math.round(performance.timeOrigin + performance.now());
    levels.forEach((level, gpu) => {
      if (time >= level.until) {
        level.high = !level.high;
        level.until =
          time + random.between(...(level.high ? pace.highMilliseconds : pace.lowMilliseconds));
      }
      const log = logs[gpu] ?? [];
      const last = log.at(-1);
      if (last && !isFirstOfGeneration) last.confirmed = true;
      log.push({ timeMilliseconds: time, high: level.high && !calm, confirmed: false });
    });
    isFirstOfGeneration = false;
    samples += 1;
    const shown = levels.map(({ high }) => harnessThreshold + (high && !calm ? 1 : -1));
    if (request.url === "/metrics") {
      const lines = shown.map((level, gpu) => `torture_level{gpu="${gpu}"} ${level}\n`);
      response.setHeader("content-type", "text/plain; version=0.0.4").end(lines.join(""));
    } else response.end(JSON.stringify({ time, levels: shown }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    logs,
    get samples() {
      return samples;
    },
    generationEnded: () => void (isFirstOfGeneration = true),
    calm: () => void (calm = true),
    async scraped(times) {
      for (let seen = 0; seen < times; seen += 1) await once(server, "request");
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Starts a collector that ends itself at the given step; the whole one doesn't know how. */
type Start = (lastStep: number) => ChildProcess;

function prepareHarness(
  folder: string,
  target: string,
  notifiers: readonly object[],
  { forMilliseconds }: Pace,
): Start {
  const program = join(import.meta.dirname, "../kit/collector-harness.ts");
  return (lastStep) => {
    const settings: HarnessSettings = {
      folder: join(folder, "collector"),
      periodMilliseconds: harnessPeriodMilliseconds,
      target,
      notifiers,
      forMilliseconds,
      lastStep,
    };
    return startNode(program, JSON.stringify(settings));
  };
}

function prepareBinary(
  folder: string,
  target: string,
  notifiers: readonly object[],
  { forMilliseconds }: Pace,
): Start {
  const file = join(folder, "collector.yaml");
  const settings = {
    listen: "127.0.0.1:0",
    state_folder: folder,
    scrape: [{ job: "torture", interval: "1s", targets: [new URL(target).host] }],
    own_rules: [
      {
        alert: "Torture",
        metric: "torture_level",
        op: ">",
        threshold: harnessThreshold,
        for: `${forMilliseconds}ms`,
        severity: "critical",
        summary: "level {{ value }} on GPU {{ gpu }}",
      },
    ],
    notifiers,
  };
  writeFileSync(file, JSON.stringify(settings));
  const program = join(import.meta.dirname, "../../bin/warpwatch.js");
  return () => startNode(program, "collector", `--config.file=${file}`);
}

function startNode(...args: readonly string[]): ChildProcess {
  const errors = process.env["TORTURE_LOG"] === undefined ? "ignore" : "inherit";
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", errors] });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

/** At any time, or right when a page arrives (accepted and not settled), or right when a sample is handed out. */
async function instantToKill(
  random: Random,
  target: Target,
  pager: Receiver,
  { aliveMilliseconds }: Pace,
): Promise<void> {
  const way = random.below(3);
  await target.scraped(1);
  const tired = delay(aliveMilliseconds);
  if (way === 0) await delay(random.between(0, aliveMilliseconds));
  else if (way === 1) {
    const seen = pager.requests.length;
    await Promise.race([tired, pager.until(() => pager.requests.length > seen)]).catch(() => tired);
    if (random.below(2) === 0) await delay(random.between(0, 4));
  } else {
    await Promise.race([tired, target.scraped(1 + random.below(12))]);
    await delay(random.between(0, 6));
  }
}

function planFaults(random: Random): Fault[] {
  const faults: Fault[] = [
    { kind: "status", status: 500 },
    { kind: "status", status: 429, headers: { "retry-after": "1" } },
    { kind: "accept_then_silence" },
    { kind: "reset" },
    { kind: "slow", milliseconds: 100 },
  ];
  const fault = faults[random.below(12)];
  return fault === undefined ? [] : [fault];
}

/** Calms the target and lets a last collector bring everything to its end. */
async function settle(start: Start, folder: string, target: Target, pace: Pace): Promise<string[]> {
  target.calm();
  for (let round = 0; round < 10; round += 1) {
    const child = start(0);
    await target.scraped(pace.calmScrapes);
    await end(child, "SIGTERM");
    if (child.exitCode !== 0) return [`the last collector ended with ${child.exitCode}`];
    target.generationEnded();
    const names = ["pagerduty", "grouping", "webhook"];
    const state = openState({
      folder: join(folder, "collector"),
      notifiers: names.map((name) => ({ name })),
      clock: createSystemClock(),
    });
    const waiting = names.reduce((sum, name) => sum + state.outbox.depth(name), 0);
    const active = state.alerts.load().length;
    const dead = state.outbox.deadLetters().map(({ reason }) => `dead letter: ${reason}`);
    const audit = await state.audit.verify();
    state.close();
    if (!audit.ok || audit.entries === 0) return [`audit log: ${audit.complaint || "is empty"}`];
    if (dead.length > 0) return dead;
    if (waiting + active === 0) return [];
  }
  return ["alerts or notifications are left over after ten rounds of calm"];
}

interface PagerEvent {
  readonly dedup_key: string;
  readonly event_action: string;
  readonly payload: {
    readonly timestamp: string;
    readonly custom_details: { readonly labels: { readonly gpu: string } };
  };
}

function judgePager(pager: PagerDutyReceiver, target: Target, pace: Pace): string[] {
  const faults: string[] = [];
  const events = pager.requests.map(({ body }) => JSON.parse(body) as PagerEvent);
  const keys = new Map(
    events.map((event) => [event.payload.custom_details.labels.gpu, event.dedup_key]),
  );
  target.logs.forEach((samples, gpu) => {
    const key = keys.get(String(gpu));
    const opened = pager.incidents.filter((incident) => incident.dedupKey === key);
    const firedAt = opened.map((incident) => incident.timestampMilliseconds);
    const verdict = judgeIncidents(samples, firedAt, pace);
    if (verdict !== null) faults.push(`GPU ${gpu}: ${verdict}`);
    for (const incident of opened)
      if (incident.resolvedAtMilliseconds === 0) faults.push(`GPU ${gpu}: an incident stayed open`);
  });
  return faults;
}

/** The webhook must have got every alert that the pager got: its accepted triggers are the same life cycles. */
function judgeHook(hook: Receiver, pager: PagerDutyReceiver): string[] {
  const cycles = new Set(
    hook.requests
      .filter(({ answer }) => answer === 200 || answer === "silence")
      .map(
        ({ body }) => JSON.parse(body) as { action: string; dedup_key: string; fired_at: string },
      )
      .map((event) => `${event.action} ${event.dedup_key} ${Date.parse(event.fired_at)}`),
  );
  const expected = pager.incidents.flatMap(({ dedupKey, timestampMilliseconds }) =>
    ["trigger", "resolve"].map((action) => `${action} ${dedupKey} ${timestampMilliseconds}`),
  );
  return [
    ...expected.filter((cycle) => !cycles.has(cycle)).map((cycle) => `the webhook lacks ${cycle}`),
    ...(cycles.size > expected.length ? ["the webhook was told of more than the pager"] : []),
  ];
}

/** All GPUs are one incident there. */
function judgeGroup(grouping: PagerDutyReceiver, hook: Receiver): string[] {
  const cycles = new Map<string, Stretch>();
  for (const { body, answer } of hook.requests) {
    if (answer !== 200 && answer !== "silence") continue;
    const event: { dedup_key: string; fired_at: string; resolved_at: string | null } =
      JSON.parse(body);
    const from = Date.parse(event.fired_at);
    if (event.resolved_at !== null)
      cycles.set(`${event.dedup_key} ${from}`, { from, to: Date.parse(event.resolved_at) });
  }
  const [least, most] = countStretches([...cycles.values()]);
  const { incidents } = grouping;
  const keys = new Set(incidents.map(({ dedupKey }) => dedupKey));
  return [
    ...(incidents.length < least || incidents.length > most
      ? [`the group opened ${incidents.length} times, which should be ${least} to ${most} times`]
      : []),
    ...(keys.size > 1 ? [`the group had ${keys.size} keys`] : []),
    ...(incidents.some((incident) => incident.resolvedAtMilliseconds === 0)
      ? ["the group stayed open"]
      : []),
  ];
}

function countRepetitions(pager: PagerDutyReceiver): number {
  const taken = pager.requests.filter(
    ({ answer }) => answer === 202 || answer === "silence",
  ).length;
  return taken - 2 * pager.incidents.length;
}
