/**
 * Ten minutes on a full disk, on a real file system that is filled again as soon as anything is free: the whole collector in
 * this process, on a clock that the test moves. Rules must be evaluated, people told, what isn't kept counted exactly, and
 * half a minute after there is room everything must be as before.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { collectorSchema } from "../../collector/config.ts";
import { databaseName } from "../../collector/history/database.ts";
import { startCollector, type Collector } from "../../collector/main.ts";
import { reserveName } from "../../collector/state/reserve.ts";
import { parseConfig } from "../../core/kit/config.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createFakeClock, type FakeClock } from "../kit/fake-clock.ts";
import { createRandom } from "../kit/random.ts";
import { startPagerDuty, type PagerDutyReceiver } from "../kit/receivers.ts";
import { mountSmallFilesystem, type SmallFilesystem } from "../kit/small-filesystem.ts";
import { torturedSettings } from "../kit/tortured-collector.ts";
import { alarmSummary, createWitness, type Witness } from "../kit/witness.ts";
import { judgeHistory, judgeIncidents } from "../kit/witness-oracle.ts";

export interface DiskFullOptions {
  readonly seed: number;
  /** How long the disk is full. */
  readonly minutes: number;
}

export interface DiskFullReport {
  /** Why nothing was tried; empty when it was. */
  readonly skipped: string;
  readonly minutesFull: number;
  readonly framesAcknowledged: number;
  readonly framesRefused: number;
  readonly framesDropped: number;
  readonly alarmsWhileFull: number;
  readonly changesInMemory: number;
  readonly pagedForDisk: boolean;
  readonly errorsLogged: number;
  readonly recoverySeconds: number;
  readonly seconds: number;
  readonly faults: readonly string[];
}

const diskBytes = 128 * 1024 * 1024;
const stepMilliseconds = 200;
/** Who fills the disk looks again this often. */
const fillSteps = 5;
const recoveryLimitSeconds = 30;

export async function runDiskFull({ seed, minutes }: DiskFullOptions): Promise<DiskFullReport> {
  const began = performance.now();
  const top = mkdtempSync(join(tmpdir(), "warpwatch-full-"));
  const disk = mountSmallFilesystem(join(top, "disk"), diskBytes);
  if (disk === null) {
    rmSync(top, { recursive: true, force: true });
    return nothingTried("a file system can't be mounted here: it needs root");
  }
  const folder = join(disk.mountPoint, "state");
  const clock = createFakeClock(Date.UTC(2026, 5, 10, 10, 10));
  const pager = await startPagerDuty();
  const log: string[] = [];
  const collector = await start(folder, clock, pager, log);
  const witness = createWitness({
    random: createRandom(seed),
    now: () => clock.now(),
    incidents: () => pager.incidents,
    goOn: true,
  });
  const ask = createAsk(collector);
  const disconnect = witness.connect(collector.address, collector.pushToken.token);
  const faults: string[] = [];
  const pass = (seconds: number, each?: () => void): Promise<void> => play(clock, seconds, each);
  try {
    await pass(20);
    const before = witness.acknowledged;
    if (before === 0) faults.push("nothing was acknowledged before the disk was full");
    const play = { witness, pager, disk, clock, folder, ask, pass, faults };
    const alarmsWhileFull = await fillDisk(play, minutes);
    const recoverySeconds = await freeDisk(play);
    witness.calm();
    await settle(witness, pager, pass);
    await disconnect();
    await pass(5);
    const dropped = await ask('warpwatch_history_frames_dropped_total{reason="disk_full"}');
    const changesInMemory = await ask("warpwatch_state_unsaved_transactions_total");
    const paged = pager.incidents.some(({ summary }) => summary.startsWith("the disk of the"));
    if (!paged) faults.push("nobody was told that the disk is full");
    if (changesInMemory === 0) faults.push("state never was in memory: nothing of that was tried");
    await collector.stop();
    const refused = witness.refusals[503] ?? 0;
    const missing = missingOwnFrames(join(folder, "history"));
    if (dropped !== refused + missing)
      faults.push(`${dropped} drops counted, ${refused} refused and ${missing} missing`);
    faults.push(...(await judgeHistory(join(folder, "history"), witness.nodes)));
    faults.push(...judgeIncidents(witness.nodes, pager.incidents));
    return {
      skipped: "",
      minutesFull: minutes,
      framesAcknowledged: witness.acknowledged,
      framesRefused: refused,
      framesDropped: dropped,
      alarmsWhileFull,
      changesInMemory,
      pagedForDisk: paged,
      errorsLogged: log.length,
      recoverySeconds,
      seconds: Math.round((performance.now() - began) / 1000),
      faults,
    };
  } finally {
    await collector.stop();
    await pager.close();
    disk.unmount();
    rmSync(top, { recursive: true, force: true });
  }
}

interface Play {
  readonly witness: Witness;
  readonly pager: PagerDutyReceiver;
  readonly disk: SmallFilesystem;
  readonly clock: FakeClock;
  readonly folder: string;
  readonly ask: (metric: string) => Promise<number>;
  readonly pass: (seconds: number, each?: () => void) => Promise<void>;
  readonly faults: string[];
}

/** Keeps the disk full for so long; how many alarms were raised meanwhile. */
async function fillDisk(play: Play, minutes: number): Promise<number> {
  const { witness, pager, disk, ask, pass, faults } = play;
  const cyclesBefore = cyclesOf(witness);
  disk.fill(0);
  await pass(minutes * 60, () => disk.fill(0));
  const alarms = cyclesOf(witness) - cyclesBefore;
  faults.push(...judgeFull(witness, pager, alarms));
  const phase = await ask("warpwatch_state_disk_full");
  if (phase !== 2) faults.push(`state says ${phase} of its disk, not 2`);
  return alarms;
}

/** Empties the disk; how long it took until frames were acknowledged and the reserve was back. */
async function freeDisk({ witness, disk, clock, folder, pass, faults }: Play): Promise<number> {
  disk.empty();
  const freedAt = clock.monotonic();
  const acknowledgedAtFree = witness.acknowledged;
  const isBack = (): boolean =>
    witness.acknowledged > acknowledgedAtFree && existsSync(join(folder, "collector", reserveName));
  for (let second = 0; second < 2 * recoveryLimitSeconds && !isBack(); second += 1) await pass(1);
  const recoverySeconds = Math.round((clock.monotonic() - freedAt) / 1000);
  if (recoverySeconds > recoveryLimitSeconds) faults.push(`back after ${recoverySeconds} s only`);
  return recoverySeconds;
}

async function start(
  folder: string,
  clock: FakeClock,
  pager: PagerDutyReceiver,
  errors: string[],
): Promise<Collector> {
  const text = JSON.stringify(torturedSettings({ folder, port: 0, pager: pager.url }));
  const write = (line: string): void => {
    if (line.includes('"level":"error"')) errors.push(line);
  };
  const collector = await startCollector({
    env: createEnv({ clock, node: "here" }),
    log: createLog({ clock, write }),
    config: parseConfig(text, "collector.yaml", collectorSchema),
    defaultStateFolder: folder,
  });
  let stopped: Promise<void> | null = null;
  return { ...collector, stop: () => (stopped ??= collector.stop()) };
}

/** Moves the clock in small steps, so that requests under way find timers that fire. */
async function play(clock: FakeClock, seconds: number, each?: () => void): Promise<void> {
  const steps = (seconds * 1000) / stepMilliseconds;
  for (let step = 0; step < steps; step += 1) {
    await clock.advance(stepMilliseconds);
    await nextTurn();
    if (step % fillSteps === 0) each?.();
  }
}

async function settle(
  witness: Witness,
  pager: PagerDutyReceiver,
  pass: (seconds: number) => Promise<void>,
): Promise<void> {
  const waits = (): boolean =>
    witness.nodes.some(({ frames, events }) => {
      const late = [...frames.slice(0, -40), ...events.slice(0, -4)];
      return late.some(({ acknowledged }) => !acknowledged);
    }) || ownIncidents(pager).some((incident) => incident.resolvedAtMilliseconds === 0);
  for (let second = 0; second < 600 && waits(); second += 1) await pass(1);
}

function ownIncidents(pager: PagerDutyReceiver): PagerDutyReceiver["incidents"] {
  return pager.incidents.filter(({ summary }) => summary.startsWith(alarmSummary("")));
}

function cyclesOf({ nodes }: Witness): number {
  return nodes.reduce((sum, { cycles }) => sum + cycles.length, 0);
}

/** All but those that went up a moment ago must have been told. */
function judgeFull(witness: Witness, pager: PagerDutyReceiver, alarms: number): string[] {
  const told = ownIncidents(pager).length;
  const all = cyclesOf(witness);
  const faults: string[] = [];
  if (alarms === 0) faults.push("no alarm went up while the disk was full");
  if (told < all - witness.nodes.length) faults.push(`${told} incidents of ${all} alarms`);
  return faults;
}

/** The collector's own page of numbers. */
function createAsk(collector: Collector): (series: string) => Promise<number> {
  return async (series) => {
    const headers = { authorization: `Bearer ${collector.token.token}` };
    const response = await fetch(`${collector.address}/metrics`, { headers });
    const lines = (await response.text()).split("\n");
    const line = lines.find((one) => one.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? Number.NaN);
  };
}

/** Of the origins that aren't the witness: holes in the sequences of the journal, which held every frame before. */
function missingOwnFrames(folder: string): number {
  const sqlite = new DatabaseSync(join(folder, databaseName), { readOnly: true });
  const rows = sqlite
    .prepare(
      `SELECT max(sequence) - count(DISTINCT sequence) AS missing
       FROM frame JOIN chain ON chain.id = frame.chain
       WHERE closing = 0 AND job <> 'witness' GROUP BY job, instance, boot`,
    )
    .all();
  sqlite.close();
  return rows.reduce((sum, row) => sum + Number(row["missing"]), 0);
}

function nothingTried(skipped: string): DiskFullReport {
  return {
    skipped,
    minutesFull: 0,
    framesAcknowledged: 0,
    framesRefused: 0,
    framesDropped: 0,
    alarmsWhileFull: 0,
    changesInMemory: 0,
    pagedForDisk: false,
    errorsLogged: 0,
    recoverySeconds: 0,
    seconds: 0,
    faults: [],
  };
}
