/** Our anomaly screen as the bench runs it: one configuration for everything, row by row. */
import { createAnomalyScreen } from "../../../collector/detect/anomaly.ts";
import { setPresent } from "../../../core/wire/frame.ts";
import type { StreamScorer } from "./baselines.ts";

/** A score per row for several series that belong together. */
export type EntityScorer = (
  columns: readonly Float64Array[],
  timesMilliseconds: Float64Array,
) => Float64Array;

export const screenScorer: StreamScorer = (values, times) => screenEntity([values], times);

/** The mean square of the series' scores: many that move count, and so does one that moves much. */
export const screenEntity: EntityScorer = (columns, times) => {
  const screen = createAnomalyScreen();
  screen.resize(columns.length);
  const values = new Float64Array(columns.length);
  const present = new Uint8Array(Math.ceil(columns.length / 8));
  const scores = new Float64Array(columns.length);
  return times.map((time, row) => {
    present.fill(0);
    columns.forEach((column, series) => {
      values[series] = column[row] ?? Number.NaN;
      if (!Number.isNaN(values[series])) setPresent(present, series);
    });
    screen.step(values, present, time, scores);
    return scores.reduce((sum, score) => sum + score * score, 0) / columns.length;
  });
};

/** A detector of single streams on several: its mean over them; a missing sample repeats the one before. */
export function eachStream(scorer: StreamScorer): EntityScorer {
  return (columns, times) => {
    const all = columns.map((column) => scorer(withoutHoles(column), times));
    return times.map(
      (_, row) => all.reduce((sum, scores) => sum + (scores[row] ?? 0), 0) / all.length,
    );
  };
}

function withoutHoles(column: Float64Array): Float64Array {
  let last = 0;
  return column.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
}
