/** What the anomaly detector keeps of one origin: its signals, their rows, and the columns that the rows index. */
import { isPresent, setPresent, type Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { createAnomalyScreen, type AnomalyScreen } from "../anomaly.ts";
import { drivenCells, unexplained } from "./driven.ts";
import { evidenceCells } from "./evidence.ts";
import { createRowTable, widened, type RowTable } from "./rows.ts";
import { counterCells, readSignal, type Signal } from "./signals.ts";
import { float64Of, packSnapshot, unpackSnapshot } from "./snapshot.ts";
import { jobMarker } from "./watch.ts";

/** A signal with its row, and the parts of the columns that are its own. */
export interface RowSignal extends Signal {
  readonly row: number;
  readonly counters: Float64Array;
  readonly driven: Float64Array;
  readonly evidence: Float64Array;
}

type Column = Float64Array<ArrayBuffer>;

export interface WatchedOrigin {
  schema: Schema | null;
  table: RowTable;
  screen: AnomalyScreen;
  signals: readonly RowSignal[];
  refused: number;
  lastMilliseconds: number;
  counters: Column;
  driven: Column;
  evidence: Column;
  /** Memory in use since the GPU's job began, in the rows that tell jobs apart. */
  jobMemory: Column;
  /** As measured, and what of it is judged: for a driven series the part its driver doesn't explain. */
  raw: Column;
  judged: Column;
  scores: Column;
  present: Uint8Array;
}

const version = 1;
/** A GPU whose memory in use changes by this much has another job (MiB). */
const jobChangeMebibytes = 1024;

export function createWatchedOrigin(table: RowTable): WatchedOrigin {
  const nothing = new Float64Array(0);
  return {
    schema: null,
    table,
    screen: createAnomalyScreen(),
    signals: [],
    refused: 0,
    lastMilliseconds: 0,
    counters: nothing,
    driven: nothing,
    evidence: nothing,
    jobMemory: nothing,
    raw: nothing,
    judged: nothing,
    scores: nothing,
    present: new Uint8Array(0),
  };
}

/** Gives every signal its row; when there is no room, series that are no longer there lose theirs first. */
export function bindRows(one: WatchedOrigin, signals: readonly Signal[], room: number): void {
  const rowOf = (signal: Signal): number => one.table.rowOf(signal.key, room);
  let rows = signals.map(rowOf);
  if (rows.includes(-1)) {
    for (const row of one.table.keepOnly(new Set(signals.map(({ key }) => key)))) clear(one, row);
    rows = signals.map(rowOf);
  }
  const { capacity } = one.table;
  one.screen.resize(capacity);
  one.counters = widened(one.counters, capacity * counterCells);
  one.driven = widened(one.driven, capacity * drivenCells);
  one.evidence = widened(one.evidence, capacity * evidenceCells);
  one.jobMemory = widened(one.jobMemory, capacity);
  one.raw = widened(one.raw, capacity);
  one.judged = widened(one.judged, capacity);
  one.scores = widened(one.scores, capacity);
  one.present = new Uint8Array(Math.ceil(capacity / 8));
  one.refused = rows.filter((row) => row < 0).length;
  one.signals = signals.flatMap((signal, index) => {
    const row = rows[index] ?? -1;
    return row < 0 ? [] : [{ ...signal, row, ...cellsOf(one, row) }];
  });
}

/** Fills the columns from the newest samples; a row is present where its series has a new one. */
export function readSamples(one: WatchedOrigin, state: OriginState): void {
  one.present.fill(0);
  for (const signal of one.signals) {
    const { row, driverSlot } = signal;
    const value = readSignal(signal, state, signal.counters);
    if (!Number.isFinite(value)) continue;
    one.raw[row] = value;
    const judged =
      driverSlot < 0
        ? value
        : unexplained(signal.driven, value, driverOf(state, driverSlot), state.timeMilliseconds);
    if (!Number.isFinite(judged)) continue;
    one.judged[row] = judged;
    setPresent(one.present, row);
  }
}

/** Where a GPU's job began or ended, what follows jobs begins anew. Returns those signals. */
export function followJobs(one: WatchedOrigin): RowSignal[] {
  const changed = new Set<string>();
  for (const { watch, row, subject } of one.signals) {
    if (watch.name !== jobMarker) continue;
    const used = one.raw[row] ?? 0;
    if (Math.abs(used - (one.jobMemory[row] ?? 0)) <= jobChangeMebibytes) continue;
    one.jobMemory[row] = used;
    changed.add(subject.uuid);
  }
  if (changed.size === 0) return [];
  const anew = one.signals.filter(
    ({ watch, subject }) => watch.followsJob && changed.has(subject.uuid),
  );
  for (const { row, evidence } of anew) {
    one.screen.reset(row);
    evidence.fill(0);
  }
  return anew;
}

export function packOrigin(one: WatchedOrigin): Uint8Array {
  const header = { rows: one.table.entries(), last: one.lastMilliseconds };
  const { screen, counters, driven, evidence, jobMemory } = one;
  return packSnapshot(version, header, [screen.snapshot(), counters, driven, evidence, jobMemory]);
}

/** Null when the bytes are of another version or don't fit together. */
export function unpackOrigin(bytes: Uint8Array): WatchedOrigin | null {
  const found = unpackSnapshot(version, bytes);
  if (!found) return null;
  const { rows, last } = found.header as { rows: [string, number][]; last: number };
  const table = createRowTable(rows);
  const one = createWatchedOrigin(table);
  const [screen, counters, driven, evidence, jobMemory] = found.parts;
  if (!screen || !one.screen.restore(screen)) return null;
  one.lastMilliseconds = last;
  one.counters = float64Of(counters);
  one.driven = float64Of(driven);
  one.evidence = float64Of(evidence);
  one.jobMemory = float64Of(jobMemory);
  const { capacity } = table;
  const fits =
    one.counters.length >= capacity * counterCells &&
    one.driven.length >= capacity * drivenCells &&
    one.evidence.length >= capacity * evidenceCells &&
    one.jobMemory.length >= capacity;
  return fits ? one : null;
}

function clear(one: WatchedOrigin, row: number): void {
  one.screen.reset(row);
  one.jobMemory[row] = 0;
  for (const cells of Object.values(cellsOf(one, row))) cells.fill(0);
}

function cellsOf({ counters, driven, evidence }: WatchedOrigin, row: number) {
  const part = (column: Column, cells: number): Float64Array =>
    column.subarray(row * cells, (row + 1) * cells);
  return {
    counters: part(counters, counterCells),
    driven: part(driven, drivenCells),
    evidence: part(evidence, evidenceCells),
  };
}

function driverOf(state: OriginState, slot: number): number {
  return isPresent(state.present, slot) ? (state.values[slot] ?? Number.NaN) : Number.NaN;
}
