/** The forecast detector: when a series reaches its limit (../forecast.ts), from what it did over minutes and over hours. */
import { isPresent, type Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import type { LearnedDetector } from "../detector.ts";
import { createTrend, trendCells, type Forecast, type Trend } from "../forecast.ts";
import { indexSchema, keyOfLabels, select, seriesLabels } from "../threshold/rows.ts";
import type { RowLimits } from "./anomaly-detector.ts";
import { drivenCells, unexplained } from "./driven.ts";
import type { FindingSink, Subject } from "./finding.ts";
import { formatDuration, formatNumber, formatTime } from "./format.ts";
import { limitWatches, type LimitWatch } from "./limits.ts";
import { createOriginBook } from "./origins.ts";
import { createRowTable, widened, type RowTable } from "./rows.ts";
import { describeSeries } from "./signals.ts";
import { float64Of, packSnapshot, unpackSnapshot } from "./snapshot.ts";

export interface ForecastDetectorOptions {
  readonly findings: FindingSink;
  readonly watches?: readonly LimitWatch[];
  readonly limits?: RowLimits;
}

interface Target {
  readonly watch: LimitWatch;
  readonly key: string;
  readonly subject: Subject;
  readonly slot: number;
  /** -1 where nothing drives it. */
  readonly driverSlot: number;
  readonly row: number;
  readonly trends: readonly Trend[];
  /** The same pasts of what its driver doesn't explain. */
  readonly rests: readonly Trend[];
  /** Views into the origin's column, the row's own. */
  readonly cells: Float64Array;
  readonly driven: Float64Array;
}

interface Kept {
  schema: Schema | null;
  table: RowTable;
  targets: readonly Target[];
  refused: number;
  cells: Float64Array<ArrayBuffer>;
  scores: Float64Array;
}

const name = "forecast";
const version = 1;
const defaultLimits: RowLimits = { perOrigin: 128, overall: 20_000 };
const minute = 60_000;
/** A change of pace shows in the short past first, a slow trend only in the long one. */
const pasts = [
  { spanMilliseconds: 5000, windowMilliseconds: 4 * minute, significance: 4 },
  { spanMilliseconds: minute, windowMilliseconds: 12 * 60 * minute, significance: 4 },
];
/** Well below 1 a series settles (a GPU that warms up) and won't get where its mean slope points. */
const leastPace = 0.6;
/** Trends that a series has. */
export const pastCount = pasts.length;
/** This many forecasts in a row open a finding, and as many without one close it. */
const inARow = 3;
const lastTime = 0;
const agreeing = 1;
const missing = 2;
const opened = 3;
const headCells = 4;
const rowCells = headCells + drivenCells + 2 * pasts.length * trendCells;
/** Of a driven series' slope at least this part must be what its driver doesn't explain. */
const leastUnexplained = 0.5;

export function createForecastDetector(options: ForecastDetectorOptions): LearnedDetector {
  const { findings, watches = limitWatches, limits = defaultLimits } = options;
  const origins = createOriginBook<Kept>({ pack, unpack });

  function bind(state: OriginState): Kept {
    const kept = origins.get(state.key) ?? createKept(createRowTable());
    if (kept.schema === state.schema) return kept;
    origins.set(state.key, kept);
    const elsewhere = origins.sum(({ table }) => table.capacity) - kept.table.capacity;
    bindTargets(kept, state, watches, Math.min(limits.perOrigin, limits.overall - elsewhere));
    return kept;
  }

  function judge(kept: Kept, target: Target, value: number, time: number): void {
    const { cells, watch, row, subject } = target;
    const completed = target.trends.map((trend) => trend.add(time, value)).includes(true);
    if (!completed) return;
    const found = soonest(target, time);
    kept.scores[row] = found?.significance ?? 0;
    cells[agreeing] = found ? (cells[agreeing] ?? 0) + 1 : 0;
    cells[missing] = found ? 0 : (cells[missing] ?? 0) + 1;
    if (found && ((cells[agreeing] ?? 0) >= inARow || (cells[opened] ?? 0) > 0)) {
      if (cells[opened] === 0) cells[opened] = time;
      findings.report({
        detector: name,
        ...subject,
        sinceMilliseconds: cells[opened] ?? time,
        text: describe(target, found, value, time),
        score: found.significance,
        unit: watch.unit,
        forecast: found,
      });
    } else if ((cells[opened] ?? 0) > 0 && (cells[missing] ?? 0) >= inARow) {
      cells[opened] = 0;
      findings.close(name, subject, time);
    }
  }

  return {
    name,
    step(state) {
      const kept = bind(state);
      for (const target of kept.targets) {
        const time = state.times[target.slot] ?? 0;
        const value = state.values[target.slot] ?? Number.NaN;
        if (!isPresent(state.present, target.slot) || !Number.isFinite(value))
          kept.scores[target.row] = Number.NaN;
        else if (time > (target.cells[lastTime] ?? 0)) {
          target.cells[lastTime] = time;
          if (Number.isNaN(kept.scores[target.row])) kept.scores[target.row] = 0;
          follow(target, state, value, time);
          judge(kept, target, value, time);
        }
      }
    },
    silent() {},
    forget: (key) => origins.delete(key),
    origins: origins.keys,
    watched: (key) => origins.get(key)?.targets.map((target) => target.key) ?? [],
    scores(key) {
      const kept = origins.get(key);
      return Float64Array.from(kept?.targets ?? [], ({ row }) => kept?.scores[row] ?? Number.NaN);
    },
    get size() {
      return {
        watched: origins.sum(({ targets }) => targets.length),
        refused: origins.sum(({ refused }) => refused),
      };
    },
    snapshot: origins.snapshot,
    restore: origins.restore,
  };
}

/** The earliest date that any past points to, within the horizon and within what that past can carry. */
export function soonest(
  target: Pick<Target, "trends" | "rests" | "driverSlot"> & {
    readonly watch: Pick<LimitWatch, "limit" | "horizonMilliseconds" | "reach" | "leastChange">;
  },
  timeMilliseconds: number,
): Forecast | null {
  const { watch, trends, rests, driverSlot } = target;
  let best: Forecast | null = null;
  for (const [index, trend] of trends.entries()) {
    const found = trend.forecast(watch.limit);
    if (!found || found.pace < leastPace) continue;
    const ahead = found.expectedMilliseconds - timeMilliseconds;
    if (ahead > Math.min(watch.horizonMilliseconds, watch.reach * found.pastMilliseconds)) continue;
    const change = Math.abs(found.slopePerSecond * found.pastMilliseconds) / 1000;
    if (change < watch.leastChange) continue;
    const rest = driverSlot < 0 ? 1 : restOf(rests[index], found);
    if (rest < leastUnexplained) continue;
    if (!best || found.expectedMilliseconds < best.expectedMilliseconds) best = found;
  }
  return best;
}

/** Which part of the slope is not the driver's doing; 0 while that isn't known. */
function restOf(rest: Trend | undefined, { points, slopePerSecond }: Forecast): number {
  const slope = rest?.slopePerSecond(points) ?? 0;
  return Number.isFinite(slope) ? slope / slopePerSecond : 0;
}

export function trendsOver(cells: Float64Array): Trend[] {
  return pasts.map((past, index) =>
    createTrend(past, cells.subarray(index * trendCells, (index + 1) * trendCells)),
  );
}

function follow(target: Target, state: OriginState, value: number, time: number): void {
  if (target.driverSlot < 0 || !isPresent(state.present, target.driverSlot)) return;
  const driver = state.values[target.driverSlot] ?? 0;
  const rest = unexplained(target.driven, value, driver, time);
  if (Number.isFinite(rest)) for (const trend of target.rests) trend.add(time, rest);
}

function createKept(table: RowTable): Kept {
  const cells = new Float64Array(0);
  return { schema: null, table, targets: [], refused: 0, cells, scores: new Float64Array(0) };
}

function bindTargets(
  kept: Kept,
  state: OriginState,
  watches: readonly LimitWatch[],
  room: number,
): void {
  const found = watches.flatMap((watch) => findTargets(state, watch));
  const rowOf = ({ key }: { key: string }): number => kept.table.rowOf(key, room);
  let rows = found.map(rowOf);
  if (rows.includes(-1)) {
    for (const row of kept.table.keepOnly(new Set(found.map(({ key }) => key))))
      kept.cells.fill(0, row * rowCells, (row + 1) * rowCells);
    rows = found.map(rowOf);
  }
  const { capacity } = kept.table;
  kept.cells = widened(kept.cells, capacity * rowCells);
  kept.scores = new Float64Array(capacity).fill(Number.NaN);
  kept.refused = rows.filter((row) => row < 0).length;
  kept.schema = state.schema;
  kept.targets = found.flatMap((one, index) => {
    const row = rows[index] ?? -1;
    return row < 0 ? [] : [{ ...one, row, ...viewsOf(kept.cells, row) }];
  });
}

function viewsOf(column: Float64Array, row: number) {
  const cells = column.subarray(row * rowCells, (row + 1) * rowCells);
  const firstTrend = headCells + drivenCells;
  return {
    cells,
    driven: cells.subarray(headCells, firstTrend),
    trends: trendsOver(cells.subarray(firstTrend)),
    rests: trendsOver(cells.subarray(firstTrend + pasts.length * trendCells)),
  };
}

function findTargets(state: OriginState, watch: LimitWatch) {
  const { schema } = state;
  const index = indexSchema(schema);
  const identity = (slot: number): string => {
    const labels = seriesLabels(schema, slot);
    return keyOfLabels(labels, labels["UUID"] === undefined ? watch.by : ["UUID"]);
  };
  const drivers = new Map(
    (watch.driver ? select(schema, index, watch.driver) : []).map((slot) => [identity(slot), slot]),
  );
  const better = new Set(watch.unless ? select(schema, index, watch.unless).map(identity) : []);
  return select(schema, index, watch.of)
    .filter((slot) => !better.has(identity(slot)))
    .map((slot) => ({
      watch,
      key: `${watch.name} ${identity(slot)}`,
      subject: describeSeries(state, slot, watch.of.metric.name),
      slot,
      driverSlot: drivers.get(identity(slot)) ?? -1,
    }));
}

/** A limit nearer than this is told to the second. */
const secondsMatterMilliseconds = 30 * 60_000;

function describe(target: Target, found: Forecast, value: number, time: number): string {
  const { watch, subject } = target;
  const { expectedMilliseconds, earliestMilliseconds, latestMilliseconds } = found;
  const precision = expectedMilliseconds - time < secondsMatterMilliseconds ? "second" : "minute";
  const at = (milliseconds: number): string =>
    Number.isFinite(milliseconds) ? formatTime(milliseconds, precision) : "never";
  const perHour = `${formatNumber(Math.abs(found.slopePerSecond) * 3600, watch.unit)} an hour`;
  const way = found.slopePerSecond < 0 ? "falls" : "rises";
  return (
    `${subject.subject} on ${subject.node} ${watch.verb} in ${formatDuration(expectedMilliseconds - time)}, ` +
    `${at(expectedMilliseconds)} (${at(earliestMilliseconds)} to ${at(latestMilliseconds)}): ` +
    `its ${watch.title} is ${formatNumber(value, watch.unit)} and ${way} by ${perHour}`
  );
}

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
