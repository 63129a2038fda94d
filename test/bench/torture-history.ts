/**
 * The crash test of everything that is kept: the real collector is killed with SIGKILL at a storage operation that was chosen
 * before (of a commit, of the outbox, of compaction, of a rename, of a roll-up), its child with DuckDB alone or both; then
 * what it has on disk and whom it told is held against what it acknowledged.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { boundWhenBusy } from "../kit/busy.ts";
import { freePort } from "../kit/programs.ts";
import { createRandom, type Random } from "../kit/random.ts";
import { startPagerDuty } from "../kit/receivers.ts";
import type { KillPoint } from "../kit/storage-shim.ts";
import {
  judgeReadiness,
  slower,
  startLife,
  type Life,
  type Readiness,
} from "../kit/tortured-collector.ts";
import { createWitness, type Witness } from "../kit/witness.ts";
import { judgeHistory, judgeIncidents } from "../kit/witness-oracle.ts";

export interface HistoryTortureOptions {
  readonly kills: number;
  readonly seed: number;
  /** Ends sooner when so much time has passed. */
  readonly minutes: number;
  /** A planted defect: syncs of paths with one of these in them do nothing. */
  readonly skipSync?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

export interface HistoryTortureReport {
  readonly kills: number;
  readonly seed: number;
  /** Kills by where they hit; `elsewhere` are those from outside, at a random instant. */
  readonly killedAt: Readonly<Record<string, number>>;
  readonly framesAcknowledged: number;
  readonly eventsAcknowledged: number;
  readonly alarms: number;
  readonly incidents: number;
  readonly slowestReady: Readiness;
  readonly seconds: number;
  readonly faults: readonly string[];
}

interface Place {
  readonly name: string;
  readonly operations: KillPoint["operations"];
  readonly paths: readonly string[];
  /** The last operation of such a life that may be hit. */
  readonly most: number;
  /** Minute of the hour at which such a life begins, and hours since the one before. */
  readonly minute: number;
  readonly hours: number;
}

/** The minute before it: the collector that starts then rolls up soon. */
const rollUpMinute = 34;

/** An hour a life: what wasn't told within a day is given up, and that is right. */
const places: readonly Place[] = [
  { name: "commit", operations: [], paths: ["journal.db"], most: 160, minute: 10, hours: 1 },
  { name: "outbox", operations: [], paths: ["state.db"], most: 120, minute: 10, hours: 1 },
  {
    name: "compaction",
    operations: [],
    paths: [".scratch", "day="],
    most: 22,
    minute: 10,
    hours: 1,
  },
  { name: "rename", operations: ["rename"], paths: [], most: 6, minute: 10, hours: 1 },
  {
    name: "roll-up",
    operations: [],
    paths: [".scratch", "day="],
    most: 60,
    minute: rollUpMinute,
    hours: 1,
  },
  { name: "anything", operations: [], paths: [], most: 400, minute: rollUpMinute, hours: 1 },
];
const hourMilliseconds = 3_600_000;
const minuteMilliseconds = 60_000;
/** How long a life that nothing ends lasts once it is ready; one that is to roll up, until it has. */
const aliveMilliseconds = 1200;
const rollUpMilliseconds = 3500;
const settleMilliseconds = 60_000;
const livesPerJudgement = 20;
/** A roll-up begins at the full minute; the collector is up by then. */
const startSecond = 57;

export async function runHistoryTorture(
  options: HistoryTortureOptions,
): Promise<HistoryTortureReport> {
  const { kills, seed, onProgress = () => undefined } = options;
  const began = performance.now();
  const random = createRandom(seed);
  const top = mkdtempSync(join(tmpdir(), "warpwatch-torture-"));
  const folder = join(top, "state");
  const port = await freePort();
  const pager = await startPagerDuty();
  let offset = 0;
  const witness = createWitness({
    random,
    now: () => Date.now() + offset,
    incidents: () => pager.incidents,
  });
  const deadline = began + options.minutes * minuteMilliseconds;
  let done = 0;
  const killedAt: Record<string, number> = { elsewhere: 0 };
  const faults: string[] = [];
  let slowest: Readiness = { milliseconds: 0, processorMilliseconds: 0 };

  async function live(place: Place, kill: KillPoint | null): Promise<void> {
    offset = nextOffset(offset, place);
    const shim = {
      folder,
      clockOffsetMilliseconds: offset,
      ...(kill && { kill }),
      ...(options.skipSync && { skipSync: options.skipSync }),
    };
    const life = startLife({ folder, port, pager: pager.url, shim });
    const ready = await life.ready();
    if (ready !== null) {
      slowest = slower(slowest, ready);
      faults.push(...judgeReadiness(ready));
    } else if (!life.isOver || kill === null) faults.push(`never ready: ${life.output()}`);
    const disconnect = ready === null ? null : witness.connect(life.address, life.pushToken());
    await (kill === null ? settle(life, witness, pager) : lifetime(life, place, random));
    const isHit = life.isOver;
    const how = await life.end(kill === null ? "SIGTERM" : "SIGKILL");
    await disconnect?.();
    if (kill !== null && how !== "SIGKILL") faults.push(`ended with ${how}: ${life.output()}`);
    if (kill === null && how !== "0") faults.push(`the last one ended with ${how}`);
    const where = isHit ? place.name : "elsewhere";
    if (kill !== null) killedAt[where] = (killedAt[where] ?? 0) + 1;
  }

  try {
    while (done < kills && faults.length === 0 && performance.now() < deadline) {
      const place = places[random.below(places.length)] ?? places[0]!;
      await live(place, chooseKill(place, random));
      done += 1;
      if (done % livesPerJudgement !== 0) continue;
      faults.push(...(await judgeCopy(folder, join(top, "copy"), witness)));
      onProgress(`${done} kills, ${witness.acknowledged} frames, ${slowest.milliseconds} ms`);
    }
    witness.calm();
    await live(places[0]!, null);
    faults.push(...(await judgeHistory(join(folder, "history"), witness.nodes)));
    faults.push(...judgeIncidents(witness.nodes, pager.incidents));
    const sum = (of: (node: Witness["nodes"][number]) => number): number =>
      witness.nodes.reduce((all, node) => all + of(node), 0);
    return {
      kills: done,
      seed,
      killedAt,
      framesAcknowledged: witness.acknowledged,
      eventsAcknowledged: sum(({ events }) => events.filter((sent) => sent.acknowledged).length),
      alarms: sum(({ cycles }) => cycles.length),
      incidents: pager.incidents.length,
      slowestReady: slowest,
      seconds: Math.round((performance.now() - began) / 1000),
      faults,
    };
  } finally {
    await pager.close();
    if (faults.length === 0) rmSync(top, { recursive: true, force: true });
    else onProgress(`what it left is in ${top}`);
  }
}

function chooseKill({ operations, paths, most }: Place, random: Random): KillPoint {
  const when = (["before", "after", "torn"] as const)[random.below(3)] ?? "before";
  return { at: 1 + random.below(most), operations, paths, when, all: random.below(2) === 0 };
}

/** Some hours later than the life before, just before the full minute. */
function nextOffset(offset: number, { hours, minute }: Place): number {
  const now = Date.now() + offset;
  const hour = (Math.floor(now / hourMilliseconds) + hours) * hourMilliseconds;
  return hour + minute * minuteMilliseconds + startSecond * 1000 - Date.now();
}

/** Until it dies of itself, or for some time. */
async function lifetime(life: Life, { minute }: Place, random: Random): Promise<void> {
  const most = minute === rollUpMinute ? rollUpMilliseconds : aliveMilliseconds;
  await Promise.race([life.ended, delay(random.between(most / 2, most))]);
}

/** Until everything is acknowledged, and every incident over. */
async function settle(
  life: Life,
  witness: Witness,
  pager: { readonly incidents: readonly { readonly resolvedAtMilliseconds: number }[] },
): Promise<void> {
  const deadline = performance.now() + boundWhenBusy(settleMilliseconds);
  await delay(aliveMilliseconds);
  while (performance.now() < deadline && !life.isOver) {
    const waits = witness.nodes.some(
      ({ frames, events }) =>
        frames.slice(0, -20).some(({ acknowledged }) => !acknowledged) ||
        events.slice(0, -3).some(({ acknowledged }) => !acknowledged),
    );
    const open = pager.incidents.some((incident) => incident.resolvedAtMilliseconds === 0);
    if (!waits && !open) return;
    await delay(50);
  }
}

async function judgeCopy(folder: string, copy: string, witness: Witness): Promise<string[]> {
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  return judgeHistory(join(copy, "history"), witness.nodes);
}
