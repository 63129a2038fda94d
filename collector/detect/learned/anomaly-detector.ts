/** The anomaly detector: the screen (../anomaly.ts) over each origin's watched series, and the findings it leads to. */
import { isPresent } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import type { LearnedDetector } from "../detector.ts";
import {
  bindRows,
  createWatchedOrigin,
  followJobs,
  packOrigin,
  readSamples,
  unpackOrigin,
  type RowSignal,
  type WatchedOrigin,
} from "./anomaly-origin.ts";
import { expectedOf, peakOf, sinceOf, weigh } from "./evidence.ts";
import type { FindingSink } from "./finding.ts";
import { formatNumber } from "./format.ts";
import { createOriginBook } from "./origins.ts";
import { createRowTable } from "./rows.ts";
import { bindSignals } from "./signals.ts";
import { watches, type Watch } from "./watch.ts";

export interface AnomalyDetectorOptions {
  readonly findings: FindingSink;
  readonly watches?: readonly Watch[];
  readonly limits?: RowLimits;
}

/** Series watched per origin, and over all origins. */
export interface RowLimits {
  readonly perOrigin: number;
  readonly overall: number;
}

export const anomalyName = "anomaly";
const defaultLimits: RowLimits = { perOrigin: 512, overall: 50_000 };

export function createAnomalyDetector(options: AnomalyDetectorOptions): LearnedDetector {
  const { findings, limits = defaultLimits } = options;
  const origins = createOriginBook<WatchedOrigin>({ pack: packOrigin, unpack: unpackOrigin });

  function bind(state: OriginState): WatchedOrigin {
    const one = origins.get(state.key) ?? createWatchedOrigin(createRowTable());
    if (one.schema === state.schema) return one;
    origins.set(state.key, one);
    const elsewhere = origins.sum(({ table }) => table.capacity) - one.table.capacity;
    const room = Math.min(limits.perOrigin, limits.overall - elsewhere);
    bindRows(one, bindSignals(state, options.watches ?? watches), room);
    one.schema = state.schema;
    return one;
  }

  function judge(one: WatchedOrigin, signal: RowSignal, timeMilliseconds: number): void {
    const { row, evidence, subject } = signal;
    const value = one.judged[row] ?? 0;
    const deviation = one.screen.deviation(row);
    const score = one.scores[row] ?? 0;
    const verdict = weigh(evidence, score, value, deviation, timeMilliseconds, signal.watch);
    if (verdict === "closed") findings.close(anomalyName, subject, timeMilliseconds);
    if (verdict !== "opened" && verdict !== "open") return;
    findings.report({
      detector: anomalyName,
      ...subject,
      sinceMilliseconds: sinceOf(evidence),
      text: describe(signal, one.raw[row] ?? 0, value),
      score: peakOf(evidence),
      unit: signal.watch.unit,
      forecast: null,
    });
  }

  return {
    name: anomalyName,
    step(state) {
      const one = bind(state);
      const time = state.timeMilliseconds;
      if (time === one.lastMilliseconds) return;
      one.lastMilliseconds = time;
      readSamples(one, state);
      for (const { subject } of followJobs(one)) findings.close(anomalyName, subject, time);
      one.screen.step(one.judged, one.present, time, one.scores);
      for (const signal of one.signals)
        if (isPresent(one.present, signal.row)) judge(one, signal, time);
        else one.scores[signal.row] = Number.NaN;
    },
    silent() {},
    forget: (key) => origins.delete(key),
    origins: origins.keys,
    watched: (key) => origins.get(key)?.signals.map((signal) => signal.key) ?? [],
    scores(key) {
      const one = origins.get(key);
      return Float64Array.from(one?.signals ?? [], ({ row }) => one?.scores[row] ?? Number.NaN);
    },
    get size() {
      return {
        watched: origins.sum(({ signals }) => signals.length),
        refused: origins.sum(({ refused }) => refused),
      };
    },
    snapshot: origins.snapshot,
    restore: origins.restore,
  };
}

function describe({ watch, subject, evidence, driverSlot }: RowSignal, raw: number, value: number) {
  const expected = raw - value + expectedOf(evidence);
  const given = driverSlot < 0 ? "" : " at this load";
  const shown = (number: number): string => formatNumber(number, watch.unit);
  return `${watch.title} of ${subject.subject} on ${subject.node} is ${shown(raw)}; ${shown(expected)} is usual${given}`;
}
