/**
 * The loss of power: while the real collector runs, everything it does to its files is written down, with what it acknowledged
 * in between. From that, folders are made as a loss of power at any moment may leave them, and the collector is started on
 * each: it must be ready, have all that was acknowledged by then, and nothing twice.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { createHistory } from "../../collector/history/history.ts";
import { decodeAlert } from "../../collector/state/alert-codec.ts";
import { openDatabase } from "../../collector/state/database.ts";
import { createEnv } from "../../core/kit/env.ts";
import { describeError } from "../../core/kit/errors.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { boundWhenBusy } from "../kit/busy.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import { buildPowerLoss, type PowerLoss } from "../kit/power-loss.ts";
import { freePort } from "../kit/programs.ts";
import { createRandom, type Random } from "../kit/random.ts";
import { startPagerDuty, type Incident } from "../kit/receivers.ts";
import { noteInRecord, readStorageRecord, type StorageRecord } from "../kit/storage-record.ts";
import { judgeReadiness, slower, startLife, type Readiness } from "../kit/tortured-collector.ts";
import { alarmRule, alarmSummary, createWitness, type Witness } from "../kit/witness.ts";
import { judgeHistory, type Acknowledged } from "../kit/witness-oracle.ts";

export interface PowerLossOptions {
  readonly images: number;
  readonly seed: number;
  /** Ends sooner when so much time has passed. */
  readonly minutes: number;
  /** So many-th images are given to the whole collector, the others to the parts of it that keep things, in this process. */
  readonly wholeEvery?: number;
  /** A planted defect: syncs of paths with one of these in them do nothing. */
  readonly skipSync?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

export interface PowerLossReport {
  readonly images: number;
  readonly seed: number;
  readonly operations: number;
  readonly framesAcknowledged: number;
  readonly imagesByRule: Readonly<Record<string, number>>;
  readonly slowestReady: Readiness;
  readonly seconds: number;
  readonly faults: readonly string[];
}

interface Recording {
  readonly folder: string;
  readonly record: StorageRecord;
  readonly witness: Witness;
  readonly incidents: readonly Incident[];
  /** Of the lives, by the number of entries when each began. */
  readonly offsets: readonly { readonly from: number; readonly offset: number }[];
}

const imagesPerRecording = 100;
const wholeEvery = 10;
const hourMilliseconds = 3_600_000;
const dayMilliseconds = 24 * hourMilliseconds;
/** Hours after midnight, minute of the hour, how long it lives, and how it ends. The third rolls up the day before. */
const lives = [
  { hours: 21, minute: 10, milliseconds: 2000, end: "SIGTERM" },
  { hours: 22, minute: 10, milliseconds: 1500, end: "SIGKILL" },
  { hours: 25, minute: 34, milliseconds: 5500, end: "SIGKILL" },
  { hours: 26, minute: 10, milliseconds: 2000, end: "SIGKILL" },
] as const;
const startSecond = 57;
const tellMilliseconds = 5000;
/** The collector's next start, after the power went. */
const laterMilliseconds = 60_000;

export async function runPowerLoss(options: PowerLossOptions): Promise<PowerLossReport> {
  const { images, seed, onProgress = () => undefined } = options;
  const began = performance.now();
  const deadline = began + options.minutes * 60_000;
  const random = createRandom(seed);
  const top = mkdtempSync(join(tmpdir(), "warpwatch-power-"));
  const faults: string[] = [];
  const byRule: Record<string, number> = {};
  let [operations, frames, done] = [0, 0, 0];
  let slowest: Readiness = { milliseconds: 0, processorMilliseconds: 0 };
  try {
    const isOver = (): boolean => faults.length > 0 || performance.now() > deadline;
    while (done < images && !isOver()) {
      const recording = await recordRun(join(top, `run-${done}`), random, options);
      faults.push(...compareWithDisk(recording, join(top, "whole")));
      operations += recording.record.entries.length;
      frames += recording.witness.acknowledged;
      const until = Math.min(images, done + imagesPerRecording);
      for (; done < until && !isOver(); done += 1) {
        const loss = chooseLoss(recording.record, random);
        const rule = `${loss.names} ${loss.writes}`;
        byRule[rule] = (byRule[rule] ?? 0) + 1;
        const image = join(top, `image-${done}`);
        buildPowerLoss(recording.record, recording.folder, image, loss, random);
        const problems =
          done % (options.wholeEvery ?? wholeEvery) === 0
            ? await tryWhole(image, recording, loss, (ready) => (slowest = slower(slowest, ready)))
            : await tryParts(image, recording, loss);
        for (const problem of problems) faults.push(`${rule} at ${loss.cut}: ${problem}`);
        if (problems.length === 0) rmSync(image, { recursive: true, force: true });
      }
      onProgress(`${done} images, slowest ready ${slowest.milliseconds} ms`);
    }
    return {
      images: done,
      seed,
      operations,
      framesAcknowledged: frames,
      imagesByRule: byRule,
      slowestReady: slowest,
      seconds: Math.round((performance.now() - began) / 1000),
      faults,
    };
  } finally {
    if (faults.length === 0) rmSync(top, { recursive: true, force: true });
    else onProgress(`what it found is in ${top}`);
  }
}

/** Some lives of a collector, with everything they do to their folder. */
async function recordRun(
  top: string,
  random: Random,
  { skipSync }: PowerLossOptions,
): Promise<Recording> {
  const folder = join(top, "state");
  const file = `${top}.record`;
  const pager = await startPagerDuty();
  const port = await freePort();
  const offsets: { from: number; offset: number }[] = [];
  const midnight = Math.ceil(Date.now() / dayMilliseconds) * dayMilliseconds;
  let offset = 0;
  const witness = createWitness({
    random,
    now: () => Date.now() + offset,
    incidents: () => pager.incidents,
    onAcknowledged({ node, kind, sequence, live }) {
      noteInRecord(file, `${kind} ${node} ${sequence}`);
      if (live) noteInRecord(file, `live ${kind} ${node} ${sequence}`);
    },
  });
  for (const { hours, minute, milliseconds, end } of lives) {
    offset =
      midnight + hours * hourMilliseconds + minute * 60_000 + startSecond * 1000 - Date.now();
    noteInRecord(file, `life ${offset}`);
    const life = startLife({
      folder,
      port,
      pager: pager.url,
      shim: {
        folder,
        clockOffsetMilliseconds: offset,
        record: file,
        ...(skipSync && { skipSync }),
      },
    });
    if ((await life.ready()) === null) throw new Error(`never ready: ${life.output()}`);
    const disconnect = witness.connect(life.address, life.pushToken());
    await delay(milliseconds);
    await life.end(end);
    await disconnect();
  }
  await pager.close();
  const record = readStorageRecord(file);
  record.entries.forEach((entry, from) => {
    if (entry.kind === "note" && entry.text.startsWith("life "))
      offsets.push({ from, offset: Number(entry.text.slice(5)) });
  });
  return { folder, record, witness, incidents: pager.incidents, offsets };
}

/** With every operation applied the image must be what is really there, or the record lacks something. */
function compareWithDisk({ record, folder }: Recording, whole: string): string[] {
  const loss: PowerLoss = { cut: record.entries.length, names: "ordered", writes: "all" };
  buildPowerLoss(record, folder, whole, loss, createRandom(1));
  const [ours, theirs] = [contents(whole), contents(folder)];
  rmSync(whole, { recursive: true, force: true });
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((name) =>
    ours.get(name)?.equals(theirs.get(name) ?? Buffer.of(0)) === true
      ? []
      : [`the record misses something of ${name}`],
  );
}

function contents(folder: string): Map<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter(
    (name) => !name.endsWith("-shm") && statSync(join(folder, name)).isFile(),
  );
  return new Map(files.map((name) => [name, readFileSync(join(folder, name))]));
}

/** Half of them fall right beside what is most delicate: names that change, and syncs that end. */
function chooseLoss({ entries }: StorageRecord, random: Random): PowerLoss {
  const names = (["ordered", "strict"] as const)[random.below(2)] ?? "strict";
  const writes = (["none", "some", "sectors", "sectors"] as const)[random.below(4)] ?? "none";
  const delicate = entries.flatMap(({ kind }, index) =>
    ["renamed", "unlinked", "folder made", "linked"].includes(kind) ? [index] : [],
  );
  const near = (delicate[random.below(delicate.length)] ?? 0) + random.below(8) - 2;
  const cut = random.below(2) === 0 ? near : random.below(entries.length);
  return { cut: Math.max(1, Math.min(entries.length, cut)), names, writes };
}

/** State and history are opened as a start opens them; what they hold is judged. */
async function tryParts(image: string, recording: Recording, loss: PowerLoss): Promise<string[]> {
  const clock = createFakeClock(wallClockAt(recording, loss.cut));
  const complaints: string[] = [];
  const write = (line: string): void => {
    if (line.includes('"level":"error"')) complaints.push(line);
  };
  try {
    openDatabase(join(image, "collector")).close();
    await createHistory({
      folder: join(image, "history"),
      env: createEnv({ clock }),
      log: createLog({ clock, write }),
      metrics: createSelfMetrics({ clock, processMetrics: false }),
      retentionMilliseconds: 30 * dayMilliseconds,
      rawMilliseconds: hourMilliseconds,
      maximumBytes: 2 ** 34,
    }).close();
  } catch (thrown) {
    return [...complaints, describeError(thrown)];
  }
  return [...complaints, ...(await judgeImage(image, recording, loss))];
}

async function tryWhole(
  image: string,
  recording: Recording,
  loss: PowerLoss,
  onReady: (ready: Readiness) => void,
): Promise<string[]> {
  const pager = await startPagerDuty();
  const problems: string[] = [];
  const life = startLife({
    folder: image,
    port: await freePort(),
    pager: pager.url,
    // Whatever time it is here.
    shim: {
      folder: image,
      clockOffsetMilliseconds: wallClockAt(recording, loss.cut) - Date.now(),
    },
  });
  const ready = await life.ready();
  try {
    if (ready === null) return [`never ready: ${life.output()}`];
    onReady(ready);
    problems.push(...judgeReadiness(ready));
    if (life.output().includes('"level":"error"')) problems.push(life.output());
    const owed = owedIncidents(recording, loss.cut);
    const isTold = (summary: string): boolean =>
      pager.incidents.some((incident) => incident.summary === summary);
    const limit = boundWhenBusy(tellMilliseconds);
    await pager.until(() => owed.every(isTold), limit).catch(() => undefined);
    for (const summary of owed) if (!isTold(summary)) problems.push(`nobody was told: ${summary}`);
  } finally {
    await life.end("SIGKILL");
    await pager.close();
  }
  return [...problems, ...(await judgeImage(image, recording, loss))];
}

/** The collector's, a minute after the power went. */
function wallClockAt({ record, offsets }: Recording, cut: number): number {
  const { offset = 0 } = offsets.findLast(({ from }) => from < cut) ?? {};
  return (record.times[cut - 1] ?? 0) + offset + laterMilliseconds;
}

async function judgeImage(
  image: string,
  recording: Recording,
  { cut }: PowerLoss,
): Promise<string[]> {
  const acknowledged = acknowledgedBefore(recording.record, cut);
  return [
    ...(await judgeHistory(join(image, "history"), recording.witness.nodes, acknowledged)),
    ...judgeAlarms(image, recording, cut),
  ];
}

function acknowledgedBefore(
  { entries }: StorageRecord,
  cut: number,
): Acknowledged & {
  /** Not a replay: the rules have judged it. */
  live(node: number, sequence: number): boolean;
} {
  const known = new Set<string>();
  for (const entry of entries.slice(0, cut)) if (entry.kind === "note") known.add(entry.text);
  return {
    live: (node, sequence) => known.has(`live frame ${node} ${sequence}`),
    frame: (node, sequence) => known.has(`frame ${node} ${sequence}`),
    event: (node, sequence) => known.has(`event ${node} ${sequence}`),
  };
}

/** What the newest acknowledged frame of each node says of its alarm, and since when; null where a later one was under way. */
function alarmsAt(recording: Recording, cut: number) {
  const { record, witness } = recording;
  const sure = acknowledgedBefore(record, cut);
  const now = wallClockAt(recording, cut) - laterMilliseconds;
  return witness.nodes.flatMap(({ name, frames, cycles }, node) => {
    const last = frames.findLastIndex((_, sequence) => sure.live(node, sequence));
    const sent = frames[last];
    const next = frames.slice(last + 1).find(({ alarm }) => alarm !== sent?.alarm);
    // What was sent after it may have been judged already, or not.
    const isUnderWay = next !== undefined && next.time <= now;
    if (!sent || isUnderWay) return [];
    const cycle = cycles.findLast(({ firstSent }) => firstSent <= sent.time);
    const since = sent.alarm === 1 ? (cycle?.firstSent ?? 0) : 0;
    return [{ node: name, isUp: sent.alarm === 1, since }];
  });
}

/** Alarms that were up, and the pager hadn't accepted by then: the new collector has to tell it. */
function owedIncidents(recording: Recording, cut: number): string[] {
  const cutTime = recording.record.times[cut - 1] ?? 0;
  return alarmsAt(recording, cut).flatMap(({ node, isUp, since }) => {
    const told = recording.incidents.some(
      ({ summary, timestampMilliseconds, openedAtMilliseconds }) =>
        summary === alarmSummary(node) &&
        timestampMilliseconds >= since &&
        openedAtMilliseconds <= cutTime,
    );
    return isUp && !told ? [alarmSummary(node)] : [];
  });
}

function judgeAlarms(image: string, recording: Recording, cut: number): string[] {
  const state = new DatabaseSync(join(image, "collector", "state.db"), { readOnly: true });
  const rows = state.prepare("SELECT body FROM alert WHERE state = 'firing'").all();
  state.close();
  const firing = new Set(
    rows
      .map(({ body }) => decodeAlert(String(body)))
      .filter(({ rule }) => rule === alarmRule)
      .map(({ labels }) => labels["node"]),
  );
  return alarmsAt(recording, cut).flatMap(({ node, isUp }) =>
    firing.has(node) === isUp ? [] : [`${node}: its alarm is ${isUp ? "lost" : "there again"}`],
  );
}
