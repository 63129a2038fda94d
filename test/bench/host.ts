/**
 * The agent beside node_exporter with the same families, on this machine and on a fake GPU server, in one run: processor
 * time, latency, system calls, memory and bytes per scrape, what a C program takes that only reads the same files, the
 * agent's sampling without a scraper, and its start.
 * `npm run bench:host [-- --seconds 30 --scrapes 200 --bundle]`, the last after `npm run build`.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { defaultPaths, type HostPaths } from "../../core/kit/env.ts";
import { gpuServer } from "../hosts/gpu-server.ts";
import { writeHost } from "../hosts/tree.ts";
import { findNodeExporter, installHint } from "../kit/node-exporter.ts";
import { repositoryRoot } from "../kit/sources.ts";
import { traceCalls, whyNoTrace } from "../kit/system-calls.ts";
import { costOfSampling, startBoth, timeStarts, type Target } from "./host-programs.ts";
import { memoryOf, processorMilliseconds, type Memory } from "./process-cost.ts";
import { filesRead, measureFloor, type ReadFloor } from "./read-floor.ts";
import { createScrapeClient, quantile, type Scrape } from "./scrape-client.ts";

interface Settings {
  readonly seconds: number;
  readonly scrapes: number;
  readonly bundle: boolean;
}

interface Phase {
  readonly processorMillisecondsPerScrape: number;
  readonly latencyMedianMilliseconds: number;
  readonly latencyP99Milliseconds: number;
  readonly bytes: number;
}

export interface Result {
  readonly series: number;
  /** Without anybody scraping: the agent samples all the same. */
  readonly idleProcessorMillisecondsPerSecond: number;
  /** Once a second with gzip, as a scraper does; the agent's sampling is in it. */
  readonly paced: Phase;
  /** One after the other without gzip: what serving alone costs. */
  readonly backToBack: Phase;
  readonly memory: Memory;
  /** Per scrape at one a second; NaN where programs can't be traced. */
  readonly systemCalls: number;
}

interface AgentAlone {
  /** Processor milliseconds per second without a scraper, for each period in milliseconds. */
  readonly sampling: Readonly<Record<number, number>>;
  readonly startMilliseconds: readonly number[];
}

type Results = Readonly<Record<string, Result>>;

const idleMilliseconds = 5000;
/** Once a second; what a process does once after its start, compile and tidy up, is over then. */
const warmUpSeconds = 30;
/** Ours over a whole steady period; theirs are all alike, and slow under strace. */
const tracedScrapes = { warpwatch: 15, node_exporter: 2 } as const;
const samplingPeriodsMilliseconds = [1000, 100];
const starts = 7;
/** The two take turns in blocks, so that what else the machine does meets both. */
const blockScrapes = 25;
const warmUpScrapes = 20;

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    scrapes: { type: "string", default: "200" },
    bundle: { type: "boolean", default: false },
  },
});
await main({
  seconds: Number(flags.seconds),
  scrapes: Number(flags.scrapes),
  bundle: flags.bundle,
});

async function main(settings: Settings): Promise<void> {
  const peer = findNodeExporter();
  if (peer === null) throw new Error(`there is nothing to compare with: ${installHint}`);
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-bench-"));
  try {
    const hosts: readonly (readonly [string, HostPaths])[] = [
      ["this machine", defaultPaths],
      ["a GPU server (256 processors, 12 NVMe, 42 interfaces)", writeHost(folder, gpuServer())],
    ];
    const results: Record<string, Results> = {};
    const floors: Record<string, ReadFloor> = {};
    for (const [name, paths] of hosts) {
      const { programs, floor } = await compare(peer, paths, settings, folder);
      results[name] = programs;
      floors[name] = floor;
      printTable(name, programs);
      printFloor(programs, floor);
    }
    printPerSeries(results);
    const alone = await measureAlone(hosts.at(-1)?.[1] ?? defaultPaths, settings);
    printAlone(alone);
    keep(settings, { results, floors, alone });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(
  peer: string,
  paths: HostPaths,
  settings: Settings,
  folder: string,
): Promise<{ programs: Results; floor: ReadFloor }> {
  const state = mkdtempSync(join(tmpdir(), "warpwatch-bench-state-"));
  const targets = await startBoth(peer, paths, state, settings.bundle);
  try {
    const measured = await measure(targets, settings);
    const { counts, read } = await traceScrapes(targets);
    const programs = Object.fromEntries(
      Object.entries(measured).map(([name, result]) => [
        name,
        { ...result, systemCalls: counts.get(name) ?? Number.NaN },
      ]),
    );
    return { programs, floor: measureFloor(folder, read) };
  } finally {
    await Promise.all(targets.map(({ program }) => program.stop()));
    rmSync(state, { recursive: true, force: true });
  }
}

async function measureAlone(paths: HostPaths, settings: Settings): Promise<AgentAlone> {
  const sampling: Record<number, number> = {};
  for (const period of samplingPeriodsMilliseconds)
    sampling[period] = await costOfSampling(paths, period);
  return { sampling, startMilliseconds: await timeStarts(defaultPaths, settings.bundle, starts) };
}

/** System calls per scrape at one a second, and the files that the agent reads for each. */
async function traceScrapes(
  targets: readonly Target[],
): Promise<{ counts: Map<string, number>; read: string[] }> {
  const counts = new Map<string, number>();
  let read: string[] = [];
  const obstacle = await whyNoTrace();
  if (obstacle !== "") process.stdout.write(`\nno system calls: ${obstacle}\n`);
  for (const { name, url, program } of obstacle === "" ? targets : []) {
    const scrapes = tracedScrapes[name];
    const pid = program.child.pid ?? 0;
    const client = createScrapeClient(url, "gzip");
    const [calls = []] = await traceCalls([pid], async () => {
      for (let scrape = 0; scrape < scrapes; scrape += 1) {
        await client.scrape();
        await wait(1000);
      }
    });
    client.close();
    counts.set(name, calls.length / scrapes);
    if (name === "warpwatch") read = filesRead(pid, calls, scrapes);
  }
  return { counts, read };
}

async function measure(
  targets: readonly Target[],
  settings: Settings,
): Promise<Record<string, Omit<Result, "systemCalls">>> {
  for (const { url } of targets) await scrapeMany(url, "gzip", warmUpScrapes);
  await pace(targets, warmUpSeconds);
  const idleBefore = targets.map(costOf);
  await wait(idleMilliseconds);
  const idle = targets.map(
    (target, index) => (costOf(target) - (idleBefore[index] ?? 0)) / (idleMilliseconds / 1000),
  );
  const paced = await pace(targets, settings.seconds);
  const memory = targets.map(({ program }) => memoryOf(program.child.pid ?? 0));
  const backToBack = await takeTurns(targets, settings.scrapes);
  const nothing = describe(Number.NaN, []);
  const results: Record<string, Omit<Result, "systemCalls">> = {};
  for (const [index, target] of targets.entries())
    results[target.name] = {
      series: await countSeries(target.url),
      idleProcessorMillisecondsPerSecond: idle[index] ?? Number.NaN,
      paced: paced[index] ?? nothing,
      backToBack: backToBack[index] ?? nothing,
      memory: memory[index] ?? { residentBytes: Number.NaN, anonymousBytes: Number.NaN },
    };
  return results;
}

/** Each target once a second, half a second apart. */
async function pace(targets: readonly Target[], seconds: number): Promise<Phase[]> {
  const clients = targets.map(({ url }) => createScrapeClient(url, "gzip"));
  const scrapes: Scrape[][] = targets.map(() => []);
  const before = targets.map(costOf);
  const started = performance.now();
  for (let turn = 0; turn < seconds * targets.length; turn += 1) {
    await wait(Math.max(0, started + (turn * 1000) / targets.length - performance.now()));
    const index = turn % targets.length;
    const scrape = await clients[index]?.scrape();
    if (scrape) scrapes[index]?.push(scrape);
  }
  await wait(1000 / targets.length);
  for (const client of clients) client.close();
  return targets.map((target, index) =>
    describe(costOf(target) - (before[index] ?? 0), scrapes[index] ?? []),
  );
}

async function takeTurns(targets: readonly Target[], scrapes: number): Promise<Phase[]> {
  const cost = targets.map(() => 0);
  const all: Scrape[][] = targets.map(() => []);
  for (let done = 0; done < scrapes; done += blockScrapes)
    for (const [index, target] of targets.entries()) {
      const before = costOf(target);
      all[index]?.push(...(await scrapeMany(target.url, "identity", blockScrapes)));
      cost[index] = (cost[index] ?? 0) + costOf(target) - before;
    }
  return targets.map((_, index) => describe(cost[index] ?? Number.NaN, all[index] ?? []));
}

async function scrapeMany(
  url: string,
  encoding: "gzip" | "identity",
  count: number,
): Promise<Scrape[]> {
  const client = createScrapeClient(url, encoding);
  const scrapes: Scrape[] = [];
  while (scrapes.length < count) scrapes.push(await client.scrape());
  client.close();
  return scrapes;
}

function costOf({ program }: Target): number {
  return processorMilliseconds(program.child.pid ?? 0);
}

function describe(processor: number, scrapes: readonly Scrape[]): Phase {
  const latencies = scrapes.map(({ milliseconds }) => milliseconds);
  return {
    processorMillisecondsPerScrape: processor / scrapes.length,
    latencyMedianMilliseconds: quantile(latencies, 0.5),
    latencyP99Milliseconds: quantile(latencies, 0.99),
    bytes: scrapes.at(-1)?.bytes ?? Number.NaN,
  };
}

async function countSeries(url: string): Promise<number> {
  const text = await (await fetch(url)).text();
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
}

function printTable(host: string, results: Results): void {
  const rows: readonly (readonly [string, (result: Result) => number, number])[] = [
    ["series", ({ series }) => series, 0],
    ["1 Hz gzip: CPU ms per scrape", ({ paced }) => paced.processorMillisecondsPerScrape, 2],
    ["1 Hz gzip: latency median ms", ({ paced }) => paced.latencyMedianMilliseconds, 2],
    ["1 Hz gzip: latency p99 ms", ({ paced }) => paced.latencyP99Milliseconds, 2],
    ["1 Hz gzip: bytes", ({ paced }) => paced.bytes, 0],
    ["back to back: CPU ms per scrape", (one) => one.backToBack.processorMillisecondsPerScrape, 2],
    ["back to back: latency median ms", (one) => one.backToBack.latencyMedianMilliseconds, 2],
    ["back to back: latency p99 ms", (one) => one.backToBack.latencyP99Milliseconds, 2],
    ["back to back: bytes", ({ backToBack }) => backToBack.bytes, 0],
    ["not scraped: CPU ms per second", (one) => one.idleProcessorMillisecondsPerSecond, 2],
    ["1 Hz: system calls per scrape", ({ systemCalls }) => systemCalls, 0],
    ["RSS MB", ({ memory }) => memory.residentBytes / 1e6, 1],
    ["RSS anonymous MB", ({ memory }) => memory.anonymousBytes / 1e6, 1],
  ];
  const { warpwatch: ours, node_exporter: theirs } = results;
  if (!ours || !theirs) return;
  const lines = rows.map(([name, valueOf, digits]) => {
    const [mine, other] = [valueOf(ours), valueOf(theirs)];
    const ratio = (other / mine).toFixed(2);
    return `${name.padEnd(34)}${mine.toFixed(digits).padStart(12)}${other.toFixed(digits).padStart(16)}${ratio.padStart(10)}`;
  });
  const heading = `${host.padEnd(34)}   warpwatch   node_exporter   ratio (theirs / ours)`;
  process.stdout.write(`\n${heading}\n${lines.join("\n")}\n`);
}

/** Where the time goes: reading in the kernel, and all the rest. */
function printFloor({ warpwatch }: Results, floor: ReadFloor): void {
  if (!warpwatch || floor.files === 0) return;
  const { pacedMilliseconds, backToBackMilliseconds, files } = floor;
  const share = pacedMilliseconds / warpwatch.paced.processorMillisecondsPerScrape;
  process.stdout.write(
    `a C program that only reads the same ${files} files: ${pacedMilliseconds.toFixed(2)} ms once a second ` +
      `(${(share * 100).toFixed(0)} % of the agent's scrape), ${backToBackMilliseconds.toFixed(2)} ms back to back\n`,
  );
}

function printPerSeries(results: Readonly<Record<string, Results>>): void {
  for (const [host, { warpwatch }] of Object.entries(results)) {
    if (!warpwatch) continue;
    const micro = (warpwatch.paced.processorMillisecondsPerScrape * 1000) / warpwatch.series;
    process.stdout.write(`${micro.toFixed(2)} us a series and scrape at 1 Hz, gzip: ${host}\n`);
  }
}

function printAlone({ sampling, startMilliseconds }: AgentAlone): void {
  for (const [period, cost] of Object.entries(sampling))
    process.stdout.write(
      `sampling a GPU server and 640 GPU series every ${period} ms, nobody scrapes: ${(cost / 10).toFixed(2)} % of a core\n`,
    );
  const middle = quantile(startMilliseconds, 0.5).toFixed(0);
  process.stdout.write(`start to first full frame on this machine: ${middle} ms\n`);
}

function keep(settings: Settings, found: Readonly<Record<string, unknown>>): void {
  const folder = join(repositoryRoot, "test/bench/results");
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString();
  const file = join(folder, `host-${date.replaceAll(/[:.]/g, "-")}.json`);
  const commit = execFileSync("git", ["rev-parse", "HEAD"], {
    cwd: repositoryRoot,
    encoding: "utf8",
  });
  const about = {
    date,
    commit: commit.trim(),
    node: process.version,
    machine: { processor: cpus()[0]?.model ?? "", processors: cpus().length, kernel: release() },
    settings,
  };
  writeFileSync(file, `${JSON.stringify({ ...about, ...found }, null, 2)}\n`);
  process.stdout.write(`\nkept in ${file}\n`);
}
