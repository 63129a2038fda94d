/**
 * From scores to findings, per series: enough surprise makes a suspicion, which is told when the series stays away from
 * where it was for as long as its watch says, and closed when it is back or has been there so long that it is the new usual.
 */

export interface EvidenceLimits {
  /** Which deviations matter: 1 above, -1 below, 0 both. */
  readonly direction: -1 | 0 | 1;
  readonly leastChange: number;
  readonly confirmMilliseconds: number;
}

export type Verdict = "nothing" | "opened" | "open" | "closed";

const surprise = 0;
const since = 1;
const origin = 2;
const change = 3;
const away = 4;
const judged = 5;
const opened = 6;
const backSince = 7;
const peakField = 8;
/** Numbers per series. */
export const evidenceCells = 9;

/** A calm series scores 0.4 in the mean; only what is over this adds up. */
const usualScore = 1.2;
const enoughSurprise = 12;
const mostSurprise = 24;
const awayShare = 0.8;
/** Back for this long closes a finding; away for this long is the new usual. */
const backMilliseconds = 60_000;
const newUsualMilliseconds = 3_600_000;

/** Takes one sample: `deviation` is what it differs from the expected by, both before it was learned from. */
export function weigh(
  cells: Float64Array,
  score: number,
  value: number,
  deviation: number,
  timeMilliseconds: number,
  limits: EvidenceLimits,
): Verdict {
  const sum = Math.max(0, (cells[surprise] ?? 0) + score - usualScore);
  cells[surprise] = Math.min(mostSurprise, sum);
  if (cells[since] === 0) {
    if (sum < enoughSurprise || !matters(deviation, limits)) return "nothing";
    cells[since] = timeMilliseconds;
    cells[origin] = value - deviation;
    cells[change] = deviation;
    cells[away] = 0;
    cells[judged] = 0;
    cells[opened] = 0;
    cells[backSince] = 0;
    cells[peakField] = score;
  }
  cells[peakField] = Math.max(cells[peakField] ?? 0, score);
  const isAway = stillAway(cells, value);
  if (cells[opened] === 1) return judgeOpen(cells, isAway, timeMilliseconds);
  return judgeSuspicion(cells, isAway, timeMilliseconds, limits.confirmMilliseconds);
}

/** What was expected before it moved. */
export function expectedOf(cells: Float64Array): number {
  return cells[origin] ?? 0;
}

export function sinceOf(cells: Float64Array): number {
  return cells[since] ?? 0;
}

export function peakOf(cells: Float64Array): number {
  return cells[peakField] ?? 0;
}

function matters(deviation: number, { direction, leastChange }: EvidenceLimits): boolean {
  if (direction !== 0 && Math.sign(deviation) !== direction) return false;
  return Math.abs(deviation) >= leastChange;
}

function stillAway(cells: Float64Array, value: number): boolean {
  const first = cells[change] ?? 0;
  return (value - (cells[origin] ?? 0)) * Math.sign(first) >= 0.5 * Math.abs(first);
}

function judgeSuspicion(
  cells: Float64Array,
  isAway: boolean,
  timeMilliseconds: number,
  confirmMilliseconds: number,
): Verdict {
  cells[judged] = (cells[judged] ?? 0) + 1;
  if (isAway) cells[away] = (cells[away] ?? 0) + 1;
  const share = (cells[away] ?? 0) / (cells[judged] ?? 1);
  const waited = timeMilliseconds - (cells[since] ?? 0);
  if ((cells[judged] ?? 0) >= 10 && share < 0.5) return giveUp(cells);
  if (waited < confirmMilliseconds) return "nothing";
  if (share < awayShare || !isAway) return giveUp(cells);
  cells[opened] = 1;
  return "opened";
}

function judgeOpen(cells: Float64Array, isAway: boolean, timeMilliseconds: number): Verdict {
  if (isAway) cells[backSince] = 0;
  else if (cells[backSince] === 0) cells[backSince] = timeMilliseconds;
  const back = cells[backSince] ?? 0;
  const isBack = back > 0 && timeMilliseconds - back >= backMilliseconds;
  if (!isBack && timeMilliseconds - (cells[since] ?? 0) < newUsualMilliseconds) return "open";
  cells.fill(0);
  return "closed";
}

function giveUp(cells: Float64Array): Verdict {
  cells.fill(0);
  return "nothing";
}
