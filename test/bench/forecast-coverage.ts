/** How often the forecast's 90 % interval holds the true date, on lines with a known one and noise of two kinds. */
import { createTrend } from "../../collector/detect/forecast.ts";
import { createRandom } from "../kit/random.ts";

export interface Coverage {
  readonly noise: string;
  readonly runs: number;
  readonly forecasts: number;
  readonly covered: number;
  /** Of series that go nowhere, the share that got a forecast at all. */
  readonly falseShare: number;
}

const samples = 240;
const second = 1000;

export function measureCoverage(correlation: number, runs = 400): Coverage {
  const random = createRandom(17);
  let forecasts = 0;
  let covered = 0;
  let wrong = 0;
  for (let run = 0; run < runs; run += 1) {
    const perSecond = random.between(0.02, 0.3);
    const start = random.between(20, 50);
    const truth = ((90 - start) / perSecond) * second;
    const found = play(random, correlation, (index) => start + perSecond * index);
    if (found) forecasts += 1;
    if (found && found.earliestMilliseconds <= truth && truth <= found.latestMilliseconds)
      covered += 1;
    if (play(random, correlation, () => start)) wrong += 1;
  }
  const noise = correlation === 0 ? "white" : `first-order ${correlation}`;
  return { noise, runs, forecasts, covered: covered / forecasts, falseShare: wrong / runs };
}

function play(
  random: ReturnType<typeof createRandom>,
  correlation: number,
  line: (index: number) => number,
) {
  const trend = createTrend();
  let noise = 0;
  for (let index = 0; index < samples; index += 1) {
    // A sum of twelve uniform numbers less six is about standard normal.
    let normal = -6;
    for (let part = 0; part < 12; part += 1) normal += random.between(0, 1);
    noise = correlation * noise + Math.sqrt(1 - correlation ** 2) * normal;
    trend.add(index * second, line(index) + noise);
  }
  return trend.forecast(90);
}
