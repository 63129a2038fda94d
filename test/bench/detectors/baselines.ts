/** Detectors to be measured against: a random one, one that is always on, and NAB's windowed Gaussian. */

/** Scores one stream, causally: the score of a row depends on it and the rows before it. */
export type StreamScorer = (values: Float64Array, timesMilliseconds: Float64Array) => Float64Array;

export function randomScorer(seed: number): StreamScorer {
  return (values) => {
    let state = seed >>> 0 || 1;
    return values.map(() => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    });
  };
}

export const alwaysOnScorer: StreamScorer = (values) => new Float64Array(values.length).fill(1);

/** Mean and deviation of the last 6,400 rows, moved on by 100 rows at a time; the score is 1 − the smaller Gaussian tail. */
export const windowedGaussianScorer: StreamScorer = (values) => {
  const windowRows = 6400;
  const stepRows = 100;
  const scores = new Float64Array(values.length);
  let first = 0;
  let last = 0;
  let sum = 0;
  let squares = 0;
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? 0;
    const rows = last - first;
    if (rows > 0) {
      const mean = sum / rows;
      const deviation = Math.sqrt(Math.max(0, squares / rows - mean * mean)) || 1e-6;
      scores[row] = 1 - upperTail(Math.abs(value - mean) / deviation);
    }
    const pending = row + 1 - last;
    if (rows < windowRows || pending === stepRows) {
      for (; last <= row; last += 1) {
        sum += values[last] ?? 0;
        squares += (values[last] ?? 0) ** 2;
      }
      for (; last - first > windowRows; first += 1) {
        sum -= values[first] ?? 0;
        squares -= (values[first] ?? 0) ** 2;
      }
    }
  }
  return scores;
};

/** Gaussian upper tail by the complementary error function's continued approximation (Numerical Recipes' erfcc, error < 1.2e-7). */
function upperTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
    1.48851587, -0.82215223, 0.17087277,
  ];
  const polynomial = coefficients.reduceRight((value, coefficient) => coefficient + t * value, 0);
  return 0.5 * t * Math.exp(-x * x + polynomial);
}
