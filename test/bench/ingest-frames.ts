/**
 * What a frame that an agent pushed costs the collector on one processor: read, limits, fleet and rules, with and without
 * the journal. Nodes have the series of a synthetic node of eight GPUs and others up to the number that is asked for.
 * `node test/bench/ingest-frames.ts [--series 2500] [--nodes 20] [--frames 20000] [--rounds 5]`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultCollectorConfig } from "../../collector/config.ts";
import { createAlertBook } from "../../collector/detect/alert-book.ts";
import { createEngine } from "../../collector/detect/engine.ts";
import { createThresholdDetector } from "../../collector/detect/threshold/detector.ts";
import { createFleet } from "../../collector/fleet/fleet.ts";
import { createHistory } from "../../collector/history/history.ts";
import { createHistoryListener } from "../../collector/history/listener.ts";
import { createIngest, defaultIngestLimits } from "../../collector/ingest/door.ts";
import { defaultBudgetLimits } from "../../collector/ingest/push/budget.ts";
import { createPushDoor } from "../../collector/ingest/push/door.ts";
import { openMetric } from "../../core/catalog/metric.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { createFrameEncoder } from "../../core/wire/frame-codec.ts";
import { setPresent, type Frame, type Series } from "../../core/wire/frame.ts";
import { pushHeaders } from "../../core/wire/push.ts";
import { packBody } from "../../agent/push/body.ts";
import { createFleet as simulateFleet } from "../../simulator/fleet.ts";
import { createRandom } from "../kit/random.ts";
import { createMemoryStore, quietLog } from "../kit/rule-bench.ts";
import { viewNode } from "../kit/synthetic-node.ts";
import { reportBench } from "./report.ts";

const startMilliseconds = Date.UTC(2026, 0, 10);
const recordedSeconds = 64;
const changedShare = 0.4;
/** As many requests wait for a commit as a fleet sends within its time. */
const together = 200;

const { values: flags } = parseArgs({
  options: {
    series: { type: "string", default: "2500" },
    nodes: { type: "string", default: "20" },
    frames: { type: "string", default: "20000" },
    rounds: { type: "string", default: "5" },
  },
});
const settings = {
  series: Number(flags.series),
  nodes: Number(flags.nodes),
  frames: Number(flags.frames),
  rounds: Number(flags.rounds),
};

interface Recording {
  readonly series: readonly Series[];
  readonly columns: readonly { readonly values: Float64Array; readonly present: Uint8Array }[];
}

/** The first round warms up and doesn't count. */
const recording = await record();
const requests = encodeRequests(recording);
const rounds: { read: number; judged: number; journal: number }[] = [];
for (let round = 0; round <= settings.rounds; round += 1) {
  const read = await feed({ rules: false, folder: null });
  const judged = await feed({ rules: true, folder: null });
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-bench-"));
  try {
    rounds.push({ read, judged, journal: await feed({ rules: true, folder }) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
rounds.shift();
const unit = "node-frames per CPU-second";
const bytes = requests.flat().reduce((sum, body) => sum + body.bytes.length, 0);
reportBench("ingest-frames", settings, [
  { what: "read, limits and fleet", unit, rounds: rounds.map(({ read }) => read) },
  { what: "and the rules", unit, rounds: rounds.map(({ judged }) => judged) },
  { what: "and the journal", unit, rounds: rounds.map(({ journal }) => journal) },
  { what: "sent", unit: "bytes per frame", rounds: [bytes / settings.frames] },
]);

/** A minute of a synthetic node that is at work, and series beside it of which some change with every second. */
async function record(): Promise<Recording> {
  const fleet = simulateFleet({
    nodes: 1,
    model: "H100",
    gpusPerNode: 8,
    seed: 1,
    startMilliseconds,
  });
  const view = await viewNode(fleet, 0);
  const random = createRandom(1);
  const columns: { values: Float64Array; present: Uint8Array }[] = [];
  let series: readonly Series[] = [];
  let others: Float64Array = new Float64Array(0);
  for (let second = 1; second <= recordedSeconds; second += 1) {
    await view.readAt(startMilliseconds + second * 1000);
    const { samples } = view;
    if (series.length === 0) {
      series = [...samples.map((one) => one.series), ...otherSeries(samples.length)];
      others = Float64Array.from({ length: series.length - samples.length }, (_, slot) => slot);
    }
    others = others.map((value) =>
      random.between(0, 1) < changedShare ? value + random.below(20_000) : value,
    );
    const values = Float64Array.of(...samples.map(({ value }) => value), ...others);
    const present = new Uint8Array((series.length + 7) >> 3);
    values.forEach((value, slot) => !Number.isNaN(value) && setPresent(present, slot));
    columns.push({ values, present });
  }
  return { series, columns };
}

function otherSeries(from: number): Series[] {
  return Array.from({ length: Math.max(0, settings.series - from) }, (_, index) => ({
    metric: openMetric(`bench_metric_${index >> 3}_total`, "counter", "One of many.", ["gpu"]),
    values: [String(index & 7)],
    device: null,
  }));
}

/** What each counter gains from one turn of the recording to the next: it goes on and doesn't begin anew. */
function risesOf({ series, columns }: Recording): Float64Array {
  const [first, last] = [columns[0]!.values, columns.at(-1)!.values];
  return Float64Array.from(series, ({ metric }, slot) => {
    const rise = last[slot]! - first[slot]!;
    return metric.kind === "counter" && rise > 0 ? rise : 0;
  });
}

/** As a counter would be read: without the digits that adding leaves behind. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

function nameOf(node: number): string {
  return `node-${node}`;
}

/** Per node its requests, a frame each, as the agent packs them. */
function encodeRequests({ series, columns }: Recording) {
  const groups = [{ source: "bench", first: 0, length: series.length }];
  const rises = risesOf({ series, columns });
  return Array.from({ length: settings.nodes }, (_, node) => {
    const origin = {
      node: nameOf(node),
      job: "bench",
      instance: `${nameOf(node)}:9410`,
      boot: "boot",
    };
    const schema = { origin, version: 1, groups, series };
    const encoder = createFrameEncoder();
    return Array.from({ length: settings.frames / settings.nodes }, (__, index) => {
      const column = columns[(index + node) % columns.length]!;
      const turn = Math.floor((index + node) / columns.length);
      const frame: Frame = {
        schema,
        sequence: index + 1,
        timestamps: Float64Array.of(startMilliseconds + (index + 1) * 1000),
        values: column.values.map((value, slot) => rounded(value + turn * rises[slot]!)),
        present: column.present,
        complete: true,
      };
      return packBody(Buffer.from(encoder.encode(frame)));
    });
  });
}

/** Frames per second of processor time, of all threads. */
async function feed(parts: { rules: boolean; folder: string | null }): Promise<number> {
  const { folder } = parts;
  let now = startMilliseconds;
  const clock: Clock = { ...createEnv().clock, now: () => now };
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const log = quietLog;
  const ingest = createIngest({ clock, log, metrics, limits: defaultIngestLimits });
  const { rules } = defaultCollectorConfig();
  const book = createAlertBook({ rules, store: createMemoryStore(), clock, log, metrics });
  const detectors = [createThresholdDetector({ rules, book, log, metrics })];
  ingest.listen(
    createFleet({
      clock,
      log,
      store: { load: () => null, save: () => {} },
      sink: ingest.own,
      boot: "boot",
      goneMilliseconds: 300_000,
      maximumNodes: 10_000,
      onRemoved: () => {},
    }),
  );
  if (parts.rules) ingest.listen(createEngine({ clock, metrics, book, detectors }));
  const history = folder === null ? null : openHistory(folder, clock, metrics);
  const kept = history && createHistoryListener(history);
  if (kept) ingest.listen(kept);
  const door = createPushDoor({
    clock,
    log,
    metrics,
    ingest,
    origins: settings.nodes,
    seriesPerOrigin: settings.series,
    stored: () => kept?.stored ?? Promise.resolve(),
    keepEvents: () => {},
    budget: { ...defaultBudgetLimits, workPerSecond: 1e9 },
  });
  const before = process.cpuUsage();
  let waiting: Promise<{ status: number }>[] = [];
  let settled = 0;
  const settle = async (): Promise<void> => {
    for (const { status } of await Promise.all(waiting)) if (status === 200) settled += 1;
    waiting = [];
  };
  for (let index = 0; index < settings.frames / settings.nodes; index += 1) {
    now += 1000;
    for (const [node, bodies] of requests.entries()) {
      const body = bodies[index] ?? packBody(Buffer.alloc(0));
      const headers = {
        ...body.headers,
        [pushHeaders.agent]: encodeURIComponent(`${nameOf(node)}:9410`),
        [pushHeaders.boot]: "boot",
        [pushHeaders.lane]: "live",
      };
      waiting.push(door.frames({ headers, body: body.bytes }));
    }
    // A session's requests come one after the other.
    await new Promise((resolve) => setImmediate(resolve));
    if (waiting.length >= together) await settle();
  }
  await settle();
  const { user, system } = process.cpuUsage(before);
  await history?.close();
  // A bench whose frames were refused would look fast.
  if (settled !== settings.frames) throw new Error(`${settings.frames - settled} were refused`);
  for (const { sequence } of ingest.origins())
    if (sequence !== settings.frames / settings.nodes) throw new Error("frames are missing");
  return settings.frames / ((user + system) / 1e6);
}

function openHistory(folder: string, clock: Clock, metrics: ReturnType<typeof createSelfMetrics>) {
  return createHistory({
    folder,
    env: createEnv({ clock }),
    log: quietLog,
    metrics,
    ...defaultCollectorConfig().history,
    maximumBytes: 1e12,
    bounds: { commitMilliseconds: 20 },
  });
}
