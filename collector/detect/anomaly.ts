/**
 * The per-series anomaly screen: robust level and scale, an hour-of-day profile where it helps, and a tail probability
 * calibrated on the series' own past. Memory per series is fixed, and a row's score depends on nothing after it.
 *
 * Three deviations are watched: from the expected level, from the last sample, and of the last few samples together.
 * Each is measured in robust scales (clipped exponential averages after Huber, 1964). Its tail probability is its rank
 * among the series' earlier deviations, with a Pareto tail past the largest of them. The least of the three, times three
 * (Bonferroni), is the sample's p-value; the score is −log10 of it: 3 means one sample in a thousand.
 */
import { isPresent } from "../../core/wire/frame.ts";

export interface AnomalyOptions {
  /** Samples over which the level and the calibration forget. */
  readonly memorySamples: number;
  /** Samples of a series before its first score above 0. */
  readonly warmUpSamples: number;
  /** Samples taken together to see a shift that lasts. */
  readonly shortSamples: number;
}

export const defaultAnomalyOptions: AnomalyOptions = {
  memorySamples: 8000,
  warmUpSamples: 60,
  shortSamples: 12,
};

export interface AnomalyScreen {
  /** Makes room for this many series; what is known of the first ones stays. */
  resize(rows: number): void;
  /** The series of this row begins anew: what was learned is forgotten. */
  reset(row: number): void;
  /** Judges one sample per series. `scores[row]` is −log10 of the p-value, 0 while warming up and where absent. */
  step(
    values: Float64Array,
    present: Uint8Array,
    timeMilliseconds: number,
    scores: Float64Array,
  ): void;
  /** What the newest sample differed from the expected by, before it was learned from. */
  deviation(row: number): number;
  /** What the screen expects of a series and its robust scale, in the series' unit. */
  expected(row: number): { readonly level: number; readonly scale: number };
  snapshot(): Uint8Array;
  /** False when the bytes are of another version or shape; the screen is then as new. */
  restore(bytes: Uint8Array): boolean;
}

const count = 0;
const level = 1;
const scale = 2;
const previous = 3;
const jumpScale = 4;
const short = 5;
const shortScale = 6;
const plainError = 7;
const seasonError = 8;
const weightField = 9;
const total = 10;
const newest = 11;
/** The hour that the last sample fell into, and what was seen in it until now. */
const visitedBin = 12;
const visitSum = 13;
const visitCount = 14;
const fields = 15;

const seasonBins = 24;
const hourMilliseconds = 3_600_000;
/** Visits of an hour before its profile counts, and over how many of them it forgets. */
const leastVisits = 2;
const mostVisits = 14;
/** Histogram of deviations per statistic: four bins a doubling, from 2^-4 to 2^12 scales. */
const bins = 64;
const binsPerDoubling = 4;
const lowestDoubling = -4;
const statistics = 3;
/** Deviations are clipped at this many scales before they move level or scale. */
const clip = 3;
/** Samples from which level and scales start, taken as they are. */
const earlySamples = 10;
/** An upper bound on scores, so that one sample can't outweigh every other. */
const maximumScore = 12;
const version = 1;

/** Creates a screen for no series; {@link AnomalyScreen.resize} makes room. */
export function createAnomalyScreen(
  options: AnomalyOptions = defaultAnomalyOptions,
): AnomalyScreen {
  let rows = 0;
  let state = new Float64Array(0);
  let season = new Float32Array(0);
  let histogram = new Float32Array(0);

  function resize(wanted: number): void {
    if (wanted <= rows) return;
    state = grown(state, new Float64Array(wanted * fields));
    season = grown(season, new Float32Array(wanted * seasonBins * 2));
    histogram = grown(histogram, new Float32Array(wanted * statistics * bins));
    rows = wanted;
  }

  /** The hour-of-day offset from the level, where it has shown itself to predict better than the level alone. */
  function seasonOffset(row: number, bin: number): number {
    const at = row * fields;
    const known = season[(row * seasonBins + bin) * 2 + 1] ?? 0;
    if (known < leastVisits) return 0;
    return (state[at + seasonError] ?? 0) < 0.8 * (state[at + plainError] ?? 0)
      ? (season[(row * seasonBins + bin) * 2] ?? 0)
      : 0;
  }

  function judge(row: number, value: number, bin: number): number {
    const at = row * fields;
    const seen = state[at + count] ?? 0;
    if (seen === 0) {
      state[at + count] = 1;
      state[at + level] = value;
      state[at + previous] = value;
      state[at + weightField] = 1;
      return 0;
    }
    const offset = seasonOffset(row, bin);
    const residual = value - (state[at + level] ?? 0) - offset;
    state[at + newest] = residual;
    const jump = value - (state[at + previous] ?? 0);
    const shortRate = 1 / options.shortSamples;
    const shift = (state[at + short] ?? 0) + shortRate * (residual - (state[at + short] ?? 0));
    const floor = 1e-9 * Math.max(Math.abs(value), Math.abs(state[at + level] ?? 0), 1e-9);
    const atLeast = (field: number): number => Math.max(state[at + field] ?? 0, floor);
    // Before the scales mean something a deviation says nothing of what is usual.
    const weight = seen < earlySamples ? 0 : (state[at + weightField] ?? 1);
    const sum = state[at + total] ?? 0;
    const p = Math.min(
      tail(row * statistics, Math.abs(residual) / atLeast(scale), weight, sum),
      tail(row * statistics + 1, Math.abs(jump) / atLeast(jumpScale), weight, sum),
      tail(row * statistics + 2, Math.abs(shift) / atLeast(shortScale), weight, sum),
    );
    if (weight > 0) age(row);
    learn(row, bin, value, residual, jump, shift, seen);
    if (seen < options.warmUpSamples) return 0;
    return Math.min(maximumScore, Math.max(0, -Math.log10(Math.min(1, p * statistics))));
  }

  function learn(
    row: number,
    bin: number,
    value: number,
    residual: number,
    jump: number,
    shift: number,
    seen: number,
  ): void {
    const at = row * fields;
    const rate = 1 / Math.min(seen + 1, options.memorySamples);
    const bound = clip * Math.max(state[at + scale] ?? 0, Number.MIN_VALUE);
    const early = seen < earlySamples;
    const moved = early ? residual : Math.max(-bound, Math.min(bound, residual));
    state[at + level] = (state[at + level] ?? 0) + rate * moved;
    state[at + scale] = average(state[at + scale] ?? 0, Math.abs(residual), rate, early);
    state[at + jumpScale] = average(state[at + jumpScale] ?? 0, Math.abs(jump), rate, early);
    state[at + shortScale] = average(state[at + shortScale] ?? 0, Math.abs(shift), rate, early);
    state[at + short] = shift;
    state[at + previous] = value;
    const fromLevel = value - (state[at + level] ?? 0);
    const bucket = (row * seasonBins + bin) * 2;
    const profile = season[bucket] ?? 0;
    state[at + plainError] = average(state[at + plainError] ?? 0, Math.abs(fromLevel), rate, early);
    state[at + seasonError] = average(
      state[at + seasonError] ?? 0,
      Math.abs(fromLevel - profile),
      rate,
      early,
    );
    visit(row, bin, fromLevel);
    state[at + count] = seen + 1;
  }

  /** An hour's profile learns once per visit, from the visit's mean: within the hour it would follow the series about. */
  function visit(row: number, bin: number, fromLevel: number): void {
    const at = row * fields;
    const before = state[at + visitedBin] ?? 0;
    const samples = state[at + visitCount] ?? 0;
    if (before !== bin && samples > 0) {
      const bucket = (row * seasonBins + before) * 2;
      const known = Math.min((season[bucket + 1] ?? 0) + 1, mostVisits);
      const profile = season[bucket] ?? 0;
      season[bucket + 1] = known;
      season[bucket] = profile + ((state[at + visitSum] ?? 0) / samples - profile) / known;
      state[at + visitSum] = 0;
      state[at + visitCount] = 0;
    }
    state[at + visitedBin] = bin;
    state[at + visitSum] = (state[at + visitSum] ?? 0) + fromLevel;
    state[at + visitCount] = (state[at + visitCount] ?? 0) + 1;
  }

  /**
   * Tail probability of a deviation among those seen before, which it then joins.
   * Old deviations fade because new ones weigh more; the weights are scaled down before they run out of range.
   */
  function tail(statistic: number, deviation: number, weight: number, total: number): number {
    const first = statistic * bins;
    const bin = binOf(deviation);
    let above = 0;
    let index = bins - 1;
    for (; index > bin; index -= 1) above += histogram[first + index] ?? 0;
    above += (histogram[first + bin] ?? 0) / 2;
    let highest = above > weight / 4 ? bin : bin - 1;
    while (highest > 0 && highest < bin && (histogram[first + highest] ?? 0) <= weight / 4)
      highest -= 1;
    histogram[first + bin] = (histogram[first + bin] ?? 0) + weight;
    // Past the largest deviation seen the tail falls with its cube: heavier than a Gaussian, lighter than chance.
    return (
      ((above + weight / 2) / (total + weight)) * 2 ** ((-3 * (bin - highest)) / binsPerDoubling)
    );
  }

  /** Makes the next sample's deviations weigh more than this one's by the rate of forgetting. */
  function age(row: number): void {
    const at = row * fields;
    const next = (state[at + weightField] ?? 0) / (1 - 1 / options.memorySamples);
    state[at + total] = (state[at + total] ?? 0) + (state[at + weightField] ?? 0);
    state[at + weightField] = next;
    if (next < 1e12) return;
    state[at + weightField] = 1;
    state[at + total] = (state[at + total] ?? 0) / next;
    const first = row * statistics * bins;
    for (let index = first; index < first + statistics * bins; index += 1)
      histogram[index] = (histogram[index] ?? 0) / next;
  }

  return {
    resize,
    reset(row) {
      state.fill(0, row * fields, (row + 1) * fields);
      season.fill(0, row * seasonBins * 2, (row + 1) * seasonBins * 2);
      histogram.fill(0, row * statistics * bins, (row + 1) * statistics * bins);
    },
    step(values, present, timeMilliseconds, scores) {
      const bin = Math.floor(timeMilliseconds / hourMilliseconds) % seasonBins;
      for (let row = 0; row < rows; row += 1) {
        const value = values[row] ?? Number.NaN;
        scores[row] =
          isPresent(present, row) && Number.isFinite(value) ? judge(row, value, bin) : 0;
      }
    },
    deviation: (row) => state[row * fields + newest] ?? 0,
    expected: (row) => ({
      level: state[row * fields + level] ?? Number.NaN,
      scale: state[row * fields + scale] ?? Number.NaN,
    }),
    snapshot() {
      const bytes = new Uint8Array(8 + state.byteLength + season.byteLength + histogram.byteLength);
      new DataView(bytes.buffer).setUint32(0, version);
      new DataView(bytes.buffer).setUint32(4, rows);
      let at = 8;
      for (const part of [state, season, histogram]) {
        bytes.set(new Uint8Array(part.buffer), at);
        at += part.byteLength;
      }
      return bytes;
    },
    restore(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const wanted = bytes.byteLength >= 8 ? view.getUint32(4) : 0;
      const size = wanted * (fields * 8 + seasonBins * 8 + statistics * bins * 4);
      if (bytes.byteLength !== size + 8 || view.getUint32(0) !== version) return false;
      rows = 0;
      resize(wanted);
      let at = 8;
      for (const part of [state, season, histogram]) {
        new Uint8Array(part.buffer).set(bytes.subarray(at, at + part.byteLength));
        at += part.byteLength;
      }
      return true;
    },
  };
}

function binOf(deviation: number): number {
  const doubling = Math.log2(Math.max(deviation, 1e-12)) - lowestDoubling;
  return Math.max(0, Math.min(bins - 1, Math.floor(doubling * binsPerDoubling)));
}

/** An exponential average that a single wild value can't carry off. */
function average(before: number, sample: number, rate: number, early: boolean): number {
  const bounded = early || before === 0 ? sample : Math.min(sample, 2 * clip * before);
  return before + rate * (bounded - before);
}

function grown<Column extends Float64Array | Float32Array>(old: Column, next: Column): Column {
  next.set(old);
  return next;
}
