/**
 * What a series is expected to be given what drives it: a GPU's temperature given its power. Recursive least squares with
 * forgetting (Ljung, System Identification, ch. 11) on the driver averaged over 20 s and over 90 s, which stand for the
 * light and the heavy part of what has to warm up. Wild samples are clipped, so that a fault is not learned as usual.
 */

const factors = 3;
const fast = 0;
const slow = 1;
const lastTime = 2;
const seen = 3;
const spread = 4;
const weights = 5;
const covariance = weights + factors;

/** Numbers per series. */
export const drivenCells = covariance + factors * factors;

const fastMilliseconds = 20_000;
const slowMilliseconds = 90_000;
const memorySamples = 2000;
/** Samples before the expectation is worth something. */
const leastSamples = 30;
const initialCovariance = 1000;
/** Where the driver doesn't move nothing is learned of it, and forgetting would blow the covariance up. */
const largestCovariance = 1e5;
const clip = 3;

/** What the series differs from its expectation by; NaN while too little is known. Learns from the sample afterwards. */
export function unexplained(
  cells: Float64Array,
  value: number,
  driver: number,
  timeMilliseconds: number,
): number {
  const count = cells[seen] ?? 0;
  const passed = timeMilliseconds - (cells[lastTime] ?? 0);
  if (count === 0) begin(cells, driver);
  else {
    follow(cells, fast, driver, passed / fastMilliseconds);
    follow(cells, slow, driver, passed / slowMilliseconds);
  }
  cells[lastTime] = timeMilliseconds;
  cells[seen] = count + 1;
  const inputs = [1, (cells[fast] ?? 0) / 100, (cells[slow] ?? 0) / 100] as const;
  let expected = 0;
  for (let i = 0; i < factors; i += 1) expected += (cells[weights + i] ?? 0) * (inputs[i] ?? 0);
  const rest = value - expected;
  learn(cells, inputs, rest, count);
  return count < leastSamples ? Number.NaN : rest;
}

function begin(cells: Float64Array, driver: number): void {
  cells[fast] = driver;
  cells[slow] = driver;
  for (let i = 0; i < factors; i += 1) cells[covariance + i * factors + i] = initialCovariance;
}

function follow(cells: Float64Array, field: number, driver: number, spans: number): void {
  const before = cells[field] ?? 0;
  cells[field] = before + (driver - before) * -Math.expm1(-Math.max(0, spans));
}

function learn(
  cells: Float64Array,
  inputs: readonly [number, number, number],
  rest: number,
  count: number,
): void {
  const usual = cells[spread] ?? 0;
  const early = count < leastSamples;
  const bounded = early ? rest : Math.max(-clip * usual, Math.min(clip * usual, rest));
  const rate = 1 / Math.min(count + 1, memorySamples);
  cells[spread] =
    usual + rate * (Math.min(Math.abs(rest), early ? Infinity : 2 * clip * usual) - usual);
  const gain = [0, 0, 0];
  let scale = 1 - 1 / memorySamples;
  for (let i = 0; i < factors; i += 1) {
    let sum = 0;
    for (let j = 0; j < factors; j += 1)
      sum += (cells[covariance + i * factors + j] ?? 0) * (inputs[j] ?? 0);
    gain[i] = sum;
    scale += sum * (inputs[i] ?? 0);
  }
  let trace = 0;
  for (let i = 0; i < factors; i += 1) trace += cells[covariance + i * factors + i] ?? 0;
  const forgetting = trace > largestCovariance ? 1 : 1 - 1 / memorySamples;
  for (let i = 0; i < factors; i += 1) {
    cells[weights + i] = (cells[weights + i] ?? 0) + ((gain[i] ?? 0) / scale) * bounded;
    for (let j = 0; j < factors; j += 1) {
      const at = covariance + i * factors + j;
      cells[at] = ((cells[at] ?? 0) - ((gain[i] ?? 0) * (gain[j] ?? 0)) / scale) / forgetting;
    }
  }
}
