/** The scoring of the Numenta Anomaly Benchmark (Lavin and Ahmad, ICMLA 2015; scoring rules of NAB 1.1). */

export interface NabProfile {
  readonly truePositive: number;
  readonly falseNegative: number;
  readonly falsePositive: number;
}

/** The benchmark's "standard" cost matrix. */
export const standardProfile: NabProfile = {
  truePositive: 1,
  falseNegative: 1,
  falsePositive: 0.11,
};

/** One stream: an anomaly score per row and the labelled windows as row numbers, both ends in the window. */
export interface NabStream {
  readonly scores: Float64Array;
  readonly windows: readonly (readonly [first: number, last: number])[];
}

export interface NabResult {
  /** 0 for a detector that says nothing, 100 for one that is right at once and never wrong. */
  readonly normalised: number;
  readonly threshold: number;
  readonly windowsFound: number;
  readonly windows: number;
}

/** Rows at the start of a stream that are not scored: 15 % of it, of its first 5,000 rows at most. */
export function probationRows(rows: number): number {
  return Math.floor(0.15 * Math.min(rows, 5000));
}

/** Worth of a detection by where it falls: near 1 early in a window, 0 at its end, towards -1 long after it. */
export function scaledSigmoid(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

interface Point {
  readonly score: number;
  /** Number of the window over all streams, or -1 outside every window. */
  readonly window: number;
  readonly worth: number;
}

/**
 * One threshold for all streams, the one that gives the highest total.
 * In each window only the earliest detection counts; every row outside a window counts for itself.
 */
export function scoreNab(
  streams: readonly NabStream[],
  profile: NabProfile = standardProfile,
): NabResult {
  const points: Point[] = [];
  let windows = 0;
  for (const stream of streams) {
    points.push(...pointsOf(stream, windows, profile));
    windows += stream.windows.length;
  }
  points.sort((a, b) => b.score - a.score);
  const worthOfWindow = new Float64Array(windows).fill(-profile.falseNegative);
  const nothing = -profile.falseNegative * windows;
  let total = nothing;
  let best = { total: nothing, threshold: Infinity, windowsFound: 0 };
  let windowsFound = 0;
  points.forEach((point, index) => {
    if (point.window < 0) total += point.worth;
    else {
      const before = worthOfWindow[point.window] ?? 0;
      if (before === -profile.falseNegative) windowsFound += 1;
      const after = Math.max(before, point.worth);
      worthOfWindow[point.window] = after;
      total += after - before;
    }
    // Rows of equal score stand or fall together.
    if (points[index + 1]?.score !== point.score && total > best.total)
      best = { total, threshold: point.score, windowsFound };
  });
  const perfect = profile.truePositive * windows;
  return {
    normalised: (100 * (best.total - nothing)) / (perfect - nothing),
    threshold: best.threshold,
    windowsFound: best.windowsFound,
    windows,
  };
}

function pointsOf(stream: NabStream, firstWindow: number, profile: NabProfile): Point[] {
  const points: Point[] = [];
  const probation = probationRows(stream.scores.length);
  const best = scaledSigmoid(-1);
  let next = 0;
  for (let row = 0; row < stream.scores.length; row += 1) {
    while (next < stream.windows.length && row > (stream.windows[next]?.[1] ?? 0)) next += 1;
    if (row < probation) continue;
    const score = stream.scores[row] ?? 0;
    const current = stream.windows[next];
    if (current && row >= current[0]) {
      const position = -(current[1] - row + 1) / (current[1] - current[0] + 1);
      const worth = (profile.truePositive * scaledSigmoid(position)) / best;
      points.push({ score, window: firstWindow + next, worth });
    } else {
      const last = stream.windows[next - 1];
      const position = last ? (row - last[1]) / (last[1] - last[0]) : Infinity;
      points.push({ score, window: -1, worth: profile.falsePositive * scaledSigmoid(position) });
    }
  }
  return points;
}
