/** The failure detector: the probability that a GPU fails within 7 and 30 days (../failure.ts), from what was counted on it. */
import { failureProbability } from "../../../core/catalog/findings.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import type { LearnedDetector } from "../detector.ts";
import {
  effectiveExposureDays,
  evidenceDays,
  evidenceKinds,
  evidenceWeights,
  fitPrior,
  predictFromTallies,
  publishedPrior,
  type FailurePrediction,
  type GammaPrior,
} from "../failure.ts";
import type { RowLimits } from "./anomaly-detector.ts";
import {
  bindGpus,
  evidenceWatches,
  isEvidence,
  watchCells,
  type GpuSignals,
} from "./failure-signals.ts";
import type { FindingSink } from "./finding.ts";
import { createLateStates, type LateState } from "./late-states.ts";
import { createOriginBook } from "./origins.ts";
import { createRowTable, widened, type RowTable } from "./rows.ts";
import { float64Of, packSnapshot, unpackSnapshot } from "./snapshot.ts";

export interface GpuFailure extends FailurePrediction {
  readonly node: string;
  readonly uuid: string;
  readonly gpu: string;
}

export interface FailureDetector extends LearnedDetector {
  /** Every GPU that is watched. */
  predictions(): GpuFailure[];
  /** The GPU is no longer here: nothing more is said of it. */
  remove(node: string, uuid: string | null): void;
}

export interface FailureDetectorOptions {
  readonly findings: FindingSink;
  readonly limits?: RowLimits;
}

interface Gpu extends GpuSignals {
  readonly key: string;
  readonly row: number;
  readonly cells: Float64Array;
  /** Per kind: when late frames last told it. A replay comes in order, and what it repeats is no news. */
  readonly lateAt: Map<string, number>;
  prediction: FailurePrediction | null;
}

interface Kept {
  schema: Schema | null;
  table: RowTable;
  gpus: readonly Gpu[];
  refused: number;
  cells: Float64Array<ArrayBuffer>;
}

/** The fleet's own prior, and when it was last fitted. */
interface Fitted {
  readonly prior: GammaPrior;
  readonly fittedMilliseconds: number;
}

const name = "failure";
const metricName = failureProbability.name;
const version = 1;
const defaultLimits: RowLimits = { perOrigin: 128, overall: 100_000 };
const dayMilliseconds = 86_400_000;
/** The same kind closer than this is one incident (NVIDIA's sentinel coalesces bursts over three minutes). */
const burstMilliseconds = 300_000;
/** A finding at one in five within 30 days, where draining is the action; closed well below. */
const openAt = 0.2;
const closeBelow = 0.15;
const kinds = evidenceKinds.length;
const firstSeen = 0;
const fadedAt = 1;
const openedAt = 2;
const tallies = 3;
/** Per kind: times, faded weight, time of the last. */
const tallyCells = 3;
const watchesAt = tallies + kinds * tallyCells;
const rowCells = watchesAt + evidenceWatches.length * watchCells;

export function createFailureDetector(options: FailureDetectorOptions): FailureDetector {
  const { findings, limits = defaultLimits } = options;
  const origins = createOriginBook<Kept>({ pack, unpack });
  const lateStates = createLateStates();
  let prior: GammaPrior = publishedPrior;
  let fittedMilliseconds = 0;

  function bind(state: OriginState): Kept {
    const kept = origins.get(state.key) ?? createKept(createRowTable());
    if (kept.schema === state.schema) return kept;
    origins.set(state.key, kept);
    const elsewhere = origins.sum(({ table }) => table.capacity) - kept.table.capacity;
    bindRows(kept, state, Math.min(limits.perOrigin, limits.overall - elsewhere));
    return kept;
  }

  /** The fleet's own base rate and spread, once a day; only failures count, not what hints at them. */
  function refit(timeMilliseconds: number): void {
    if (fittedMilliseconds !== 0 && timeMilliseconds - fittedMilliseconds < dayMilliseconds) return;
    fittedMilliseconds = timeMilliseconds;
    const counts: number[] = [];
    let exposure = 0;
    for (const { gpus } of origins.values())
      for (const { cells } of gpus) {
        const failures = weightOf(cells, evidenceKinds.indexOf("failure"));
        counts.push(failures + weightOf(cells, evidenceKinds.indexOf("xid_fatal")));
        exposure += effectiveExposureDays(watchedDays(cells, timeMilliseconds));
      }
    prior = counts.length === 0 ? publishedPrior : fitPrior(counts, exposure / counts.length);
  }

  function judge(gpu: Gpu, time: number): void {
    const { cells, subject } = gpu;
    gpu.prediction = predictFromTallies(prior, talliesOf(cells), watchedDays(cells, time));
    const { within30Days } = gpu.prediction;
    const metric = metricName;
    if (within30Days >= (cells[openedAt] === 0 ? openAt : closeBelow)) {
      if (cells[openedAt] === 0) cells[openedAt] = time;
      findings.report({
        detector: name,
        ...subject,
        metric,
        sinceMilliseconds: cells[openedAt] ?? time,
        text: describe(gpu, gpu.prediction),
        score: within30Days,
        unit: "probability",
        forecast: null,
      });
    } else if (cells[openedAt] !== 0) {
      cells[openedAt] = 0;
      findings.close(name, { ...subject, metric }, time);
    }
  }

  return {
    name,
    step(state) {
      const kept = bind(state);
      const time = state.timeMilliseconds;
      if (kept.gpus.length > 0) refit(time);
      for (const gpu of kept.gpus) {
        gather(gpu, state);
        judge(gpu, time);
      }
    },
    late(frame) {
      const { job, instance } = frame.schema.origin;
      const gpus = origins.get(`${job}/${instance}`)?.gpus ?? [];
      for (const state of lateStates(frame)) {
        const gpu = gpus.find(({ uuid }) => uuid === state.uuid);
        if (gpu) noteLate(gpu, state);
      }
    },
    silent() {},
    forget: (key) => origins.delete(key),
    origins: origins.keys,
    remove(node, uuid) {
      for (const kept of origins.values()) {
        const gone = kept.gpus.filter(
          (gpu) => gpu.subject.node === node && (uuid === null || gpu.uuid === uuid),
        );
        for (const { cells } of gone) cells.fill(0);
        if (gone.length > 0) kept.gpus = kept.gpus.filter((gpu) => !gone.includes(gpu));
      }
    },
    predictions() {
      const found: GpuFailure[] = [];
      for (const { gpus } of origins.values())
        for (const { prediction, uuid, gpu, subject } of gpus)
          if (prediction) found.push({ ...prediction, uuid, gpu, node: subject.node });
      return found;
    },
    watched: (key) => origins.get(key)?.gpus.map((gpu) => gpu.key) ?? [],
    scores: (key) =>
      Float64Array.from(
        origins.get(key)?.gpus ?? [],
        ({ prediction }) => prediction?.within30Days ?? Number.NaN,
      ),
    get size() {
      return {
        watched: origins.sum(({ gpus }) => gpus.length),
        refused: origins.sum(({ refused }) => refused),
      };
    },
    snapshot: () => packSnapshot(version, { prior, fittedMilliseconds }, [origins.snapshot()]),
    restore(bytes) {
      const found = unpackSnapshot(version, bytes);
      const [kept] = found?.parts ?? [];
      if (!found || !kept || !origins.restore(kept)) return false;
      ({ prior, fittedMilliseconds } = found.header as Fitted);
      return true;
    },
  };
}

/** Fades what was counted to this moment and counts what is new. */
function gather({ cells, slots }: Gpu, state: OriginState): void {
  const time = state.timeMilliseconds;
  if (cells[firstSeen] === 0) cells[firstSeen] = time;
  const passed = Math.max(0, time - (cells[fadedAt] || time)) / dayMilliseconds;
  cells[fadedAt] = Math.max(time, cells[fadedAt] ?? 0);
  const fading = Math.exp(-passed / evidenceDays);
  evidenceWatches.forEach((watch, index) => {
    const at = tallies + evidenceKinds.indexOf(watch.kind) * tallyCells;
    cells[at + 1] = (cells[at + 1] ?? 0) * fading;
    const first = watchesAt + index * watchCells;
    const own = cells.subarray(first, first + watchCells);
    if (!isEvidence(watch, slots[index] ?? new Int32Array(0), state, own)) return;
    const isNews = time - (cells[at + 2] ?? 0) >= burstMilliseconds;
    cells[at + 2] = time;
    const weight = evidenceWeights[watch.kind];
    // A state that holds weighs as when it began; one incident is counted once, however long it lasts.
    if (watch.how === "state") cells[at + 1] = Math.max(cells[at + 1] ?? 0, weight);
    if (!isNews) return;
    cells[at] = (cells[at] ?? 0) + 1;
    if (watch.how !== "state") cells[at + 1] = (cells[at + 1] ?? 0) + weight;
  });
}

/** Counts a state that began and ended within an outage; one that still holds was counted when it was seen live. */
function noteLate(
  { cells, lateAt }: Gpu,
  { kind, watch, timeMilliseconds: time }: LateState,
): void {
  const before = lateAt.get(kind) ?? -Infinity;
  if (time <= before) return;
  lateAt.set(kind, time);
  const holdsNow = (cells[watchesAt + watch * watchCells] ?? 0) > 0;
  const ageDays = ((cells[fadedAt] ?? 0) - time) / dayMilliseconds;
  if (holdsNow || ageDays <= 0 || time - before < burstMilliseconds) return;
  const at = tallies + evidenceKinds.indexOf(kind) * tallyCells;
  // Seen live a moment earlier, it is the same incident.
  if (Math.abs(time - (cells[at + 2] ?? 0)) < burstMilliseconds) return;
  const weight = evidenceWeights[kind] * Math.exp(-ageDays / evidenceDays);
  cells[at] = (cells[at] ?? 0) + 1;
  cells[at + 1] = Math.max(cells[at + 1] ?? 0, weight);
}

function talliesOf(cells: Float64Array) {
  return new Map(
    evidenceKinds.map((kind, index) => {
      const weight = weightOf(cells, index);
      // What has faded to nothing is no reason any more.
      const times = weight < 0.001 ? 0 : (cells[tallies + index * tallyCells] ?? 0);
      return [kind, { times, weight }] as const;
    }),
  );
}

function weightOf(cells: Float64Array, kind: number): number {
  return cells[tallies + kind * tallyCells + 1] ?? 0;
}

function watchedDays(cells: Float64Array, timeMilliseconds: number): number {
  return Math.max(0, timeMilliseconds - (cells[firstSeen] || timeMilliseconds)) / dayMilliseconds;
}

function createKept(table: RowTable): Kept {
  return { schema: null, table, gpus: [], refused: 0, cells: new Float64Array(0) };
}

function bindRows(kept: Kept, state: OriginState, room: number): void {
  const found = bindGpus(state);
  const rowOf = ({ uuid }: GpuSignals): number => kept.table.rowOf(uuid, room);
  let rows = found.map(rowOf);
  if (rows.includes(-1)) {
    for (const row of kept.table.keepOnly(new Set(found.map(({ uuid }) => uuid))))
      kept.cells.fill(0, row * rowCells, (row + 1) * rowCells);
    rows = found.map(rowOf);
  }
  kept.cells = widened(kept.cells, kept.table.capacity * rowCells);
  kept.refused = rows.filter((row) => row < 0).length;
  kept.schema = state.schema;
  kept.gpus = found.flatMap((signals, index) => {
    const row = rows[index] ?? -1;
    const cells = kept.cells.subarray(row * rowCells, (row + 1) * rowCells);
    const key = `${name} ${signals.uuid}`;
    return row < 0 ? [] : [{ ...signals, key, row, cells, lateAt: new Map(), prediction: null }];
  });
}

function describe({ subject }: Gpu, prediction: FailurePrediction): string {
  const percent = (ratio: number): string => `${Math.round(100 * ratio)} %`;
  const reasons = prediction.reasons.join(", ").replaceAll("_", " ");
  return (
    `${subject.subject} on ${subject.node} fails within 30 days with ${percent(prediction.within30Days)} ` +
    `(7 days: ${percent(prediction.within7Days)}): ${reasons}; ${advice[prediction.action]}`
  );
}

const advice = {
  none: "nothing has to be done",
  watch: "watch it",
  drain: "drain it at the next job boundary and run diagnostics",
  replace: "drain it and have it replaced",
} as const;

function pack({ table, cells }: Kept): Uint8Array {
  return packSnapshot(version, table.entries(), [cells]);
}

function unpack(bytes: Uint8Array): Kept | null {
  const found = unpackSnapshot(version, bytes);
  if (!found) return null;
  const table = createRowTable(found.header as [string, number][]);
  const cells = float64Of(found.parts[0]);
  return cells.length < table.capacity * rowCells ? null : { ...createKept(table), cells };
}
