/**
 * Bits that flip on disk: a folder with history of every kind (journal, files of samples, of minutes, of features) and what
 * else is kept is copied, a bit of it changes, and everything is asked for again. Each answer must be what it was, a value that was
 * measured before it, or none; and where one is missing it must have been told.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { decodeAlert, encodeAlert } from "../../collector/state/alert-codec.ts";
import type { Alert } from "../../collector/state/alert.ts";
import { createSnapshotStore } from "../../collector/detect/learned/store.ts";
import { createHistory, type History } from "../../collector/history/history.ts";
import { gpu as gpuCatalog } from "../../core/catalog/index.ts";
import { createEnv } from "../../core/kit/env.ts";
import { describeError } from "../../core/kit/errors.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Frame, Schema } from "../../core/wire/frame.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import { createRandom, type Random } from "../kit/random.ts";
import { flipSavedEvents, flipState } from "./torture-bit-flips-state.ts";

export interface BitFlipsOptions {
  readonly flips: number;
  readonly seed: number;
  /** Ends sooner when so much time has passed. */
  readonly minutes: number;
}

export interface BitFlipsReport {
  readonly flips: number;
  readonly seed: number;
  /** By the kind of file: how often the answers were as before, lacked something and said so, or the folder was refused. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly faults: readonly string[];
}

interface Opened {
  readonly history: History;
  /** Errors that were logged. */
  readonly complaints: string[];
}

type Answers = ReadonlyMap<string, number>;

const dayMilliseconds = 86_400_000;
const start = Date.UTC(2026, 0, 10, 23, 50);
/** What was written when: two days before, the hour before, and now. */
const stretches = [-2 * dayMilliseconds, -3_600_000, 0];
const framesPerStretch = 40;
const stepMilliseconds = 15_000;
const lookBackMilliseconds = 300_000;
const nodes = ["node-0", "node-1"];
const gpus = ["0", "1", "2", "3"];
/** One that days have features of. */
const level = gpuCatalog.temperature;

export async function runBitFlips({
  flips,
  seed,
  minutes,
}: BitFlipsOptions): Promise<BitFlipsReport> {
  const began = performance.now();
  const random = createRandom(seed);
  const top = mkdtempSync(join(tmpdir(), "warpwatch-flips-"));
  const whole = join(top, "whole");
  const copy = join(top, "copy");
  const outcomes: Record<string, number> = {};
  const faults: string[] = [];
  let done = 0;
  try {
    await makeHistory(whole);
    const truth = await readAll(openAt(whole));
    const hasFeatures = [...truth.keys()].some((key) => key.startsWith("feature"));
    if (truth.size < stretches.length * framesPerStretch || !hasFeatures)
      faults.push("the history is too small");
    for (; done < flips && performance.now() - began < minutes * 60_000; done += 1) {
      rmSync(copy, { recursive: true, force: true });
      cpSync(whole, copy, { recursive: true });
      const { name, bit } = flipBit(copy, random);
      const { outcome, problems } = await tryFolder(copy, truth);
      const kind = kindOf(name);
      outcomes[`${kind}: ${outcome}`] = (outcomes[`${kind}: ${outcome}`] ?? 0) + 1;
      faults.push(...problems.slice(0, 3).map((problem) => `${name} bit ${bit}: ${problem}`));
    }
    const state = await flipState(join(top, "state"), random, flips);
    Object.assign(outcomes, state.outcomes);
    faults.push(...state.faults.slice(0, 20), ...flipSavedEvents(random));
    faults.push(...flipAlerts(random), ...(await flipSnapshots(join(top, "snapshots"), random)));
    const seconds = Math.round((performance.now() - began) / 1000);
    return { flips: done, seed, outcomes, seconds, faults };
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

function openAt(folder: string, milliseconds = start): Opened {
  const clock = createFakeClock(milliseconds);
  const complaints: string[] = [];
  const write = (line: string): void => {
    if (line.includes('"level":"error"')) complaints.push(line);
  };
  const history = createHistory({
    folder,
    env: createEnv({ clock }),
    log: createLog({ clock, write }),
    metrics: createSelfMetrics({ clock, processMetrics: false }),
    retentionMilliseconds: 30 * dayMilliseconds,
    rawMilliseconds: dayMilliseconds / 4,
    maximumBytes: 2 ** 34,
    bounds: { commitMilliseconds: 1 },
  });
  return { history, complaints };
}

async function makeHistory(folder: string): Promise<void> {
  for (const [index, stretch] of stretches.entries()) {
    const { history } = openAt(folder, start + stretch);
    for (const node of nodes) {
      const schema = schemaOf(node);
      for (let frame = 0; frame < framesPerStretch; frame += 1)
        void history.append(frameOf(schema, index * framesPerStretch + frame + 1, stretch, frame));
    }
    // The last stretch stays in the journal.
    if (index + 1 < stretches.length) await history.compact({ all: true });
    await history.close();
  }
  const { history } = openAt(folder);
  await history.makeFeatures();
  await history.rollUp();
  await history.close();
}

function schemaOf(node: string): Schema {
  return {
    origin: { node, job: "flips", instance: `${node}:1`, boot: "boot" },
    version: 1,
    groups: [{ source: "test", first: 0, length: gpus.length }],
    series: gpus.map((gpu) => ({
      metric: level,
      values: level.labels.map((name) => (name === "gpu" ? gpu : "")),
      device: null,
    })),
  };
}

function frameOf(schema: Schema, sequence: number, stretch: number, frame: number): Frame {
  const shift = nodes.indexOf(schema.origin.node) * 1000;
  return {
    schema,
    sequence,
    timestamps: Float64Array.of(start + stretch - (framesPerStretch - frame) * stepMilliseconds),
    values: Float64Array.from(gpus, (_, gpu) => sequence * 10 + gpu + shift + 0.125),
    present: Uint8Array.of(0b1111),
    complete: true,
  };
}

/** Every series at every step around what was written; closes the history. Throws what a query throws. */
async function readAll({ history }: Opened): Promise<Answers> {
  const answers = new Map<string, number>();
  try {
    for (const stretch of stretches) {
      const first = start + stretch - framesPerStretch * stepMilliseconds;
      const range = {
        start: first * 1000,
        step: stepMilliseconds * 1000,
        points: framesPerStretch + 4,
      };
      const series = await history.query({ matcher: { metric: level.name, labels: {} }, range });
      for (const { name, points } of series)
        for (const [time, value] of points) answers.set(`${name.labels} ${time}`, value);
    }
    const { rows } = await history.queryFeatures({ ...allFeatures });
    for (const { day, node, device, metric, labels, ...values } of rows)
      for (const [name, value] of Object.entries(values))
        if (typeof value === "number")
          answers.set(`feature ${day} ${node} ${device} ${metric} ${labels} ${name} 0`, value);
    return answers;
  } finally {
    await history.close();
  }
}

const allFeatures = {
  from: "0000-01-01",
  to: "9999-12-31",
  node: "",
  device: "",
  metric: "",
  limit: 1000,
  skip: 0,
};

function kindOf(name: string): string {
  if (name.startsWith("features/")) return "features";
  return name.endsWith(".parquet") ? "files" : "journal";
}

function flipBit(folder: string, random: Random): { name: string; bit: number } {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile() && !name.endsWith("-shm"))
    .filter((name) => statSync(join(folder, name)).size > 0)
    .toSorted();
  const name = names[random.below(names.length)] ?? "";
  const bytes = readFileSync(join(folder, name));
  const bit = random.below(bytes.length * 8);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  writeFileSync(join(folder, name), bytes);
  return { name, bit };
}

async function tryFolder(
  folder: string,
  truth: Answers,
): Promise<{ outcome: string; problems: string[] }> {
  let opened: Opened;
  try {
    opened = openAt(folder);
  } catch (thrown) {
    return { outcome: "refused", problems: sentenceOnly(thrown) };
  }
  let found: Answers;
  let refusal = "";
  try {
    found = await readAll(opened);
  } catch (thrown) {
    // The next one goes without what was put aside.
    refusal = describeError(thrown);
    if (refusal.includes("\n")) return { outcome: "refused", problems: [refusal] };
    try {
      opened = openAt(folder);
      found = await readAll(opened);
    } catch (again) {
      return { outcome: "refused", problems: sentenceOnly(again) };
    }
  }
  const wrong = [...found].filter(([key, value]) => !isTrue(key, value, truth));
  const missing = [...truth].filter(([key, value]) => found.get(key) !== value).length;
  const isTold =
    refusal !== "" || opened.complaints.length > 0 || existsSync(join(folder, "damaged"));
  const problems = wrong.map(([key, value]) => `${key} is ${value}, not ${truth.get(key)}`);
  if (missing > 0 && !isTold) problems.push(`${missing} answers are missing and nobody says so`);
  return { outcome: missing === 0 ? "as before" : "less, and told", problems };
}

/** The value that it was, or one that the series had within the look-back. */
function isTrue(key: string, value: number, truth: Answers): boolean {
  if (truth.get(key) === value) return true;
  const at = key.lastIndexOf(" ");
  const time = Number(key.slice(at + 1));
  for (let back = 0; back <= lookBackMilliseconds; back += stepMilliseconds)
    if (truth.get(`${key.slice(0, at)} ${time - back}`) === value) return true;
  return false;
}

function sentenceOnly(thrown: unknown): string[] {
  const sentence = describeError(thrown);
  return sentence.includes("\n") ? [`more than a sentence: ${sentence}`] : [];
}

/** A stored alert is what it was, or can't be read. */
function flipAlerts(random: Random): string[] {
  const alert: Alert = {
    fingerprint: "f".repeat(64),
    rule: "GpuHot",
    labels: { node: "node-1", gpu: "3" },
    annotations: { summary: "GPU 3 of node-1 is at 91 °C" },
    state: "firing",
    unknown: false,
    value: 91.25,
    activeAtMilliseconds: start,
    firedAtMilliseconds: start + 1000,
    resolvedAtMilliseconds: 0,
  };
  const bytes = Buffer.from(encodeAlert(alert));
  return Array.from({ length: 2000 }, () => random.below(bytes.length * 8)).flatMap((bit) => {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    try {
      const read = decodeAlert(flipped.toString("utf8"));
      // A field that nothing knows, as a checksum whose name changed, changes no alert.
      const fields = Object.keys(alert) as (keyof Alert)[];
      const isSame = fields.every((name) => isDeepStrictEqual(read[name], alert[name]));
      return isSame ? [] : [`alert bit ${bit}: ${JSON.stringify(read)}`];
    } catch {
      return [];
    }
  });
}

async function flipSnapshots(folder: string, random: Random): Promise<string[]> {
  const store = createSnapshotStore(folder);
  const learned = Uint8Array.from({ length: 4096 }, (_, index) => index * 7);
  await store.save("test", learned);
  const file = join(folder, "test.snapshot");
  const bytes = readFileSync(file);
  return Array.from({ length: 500 }, () => random.below(bytes.length * 8)).flatMap((bit) => {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(file, flipped);
    return store.load("test") === "damaged" ? [] : [`snapshot bit ${bit}: nobody noticed`];
  });
}
