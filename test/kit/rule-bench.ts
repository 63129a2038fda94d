/** What the collector's tests share: frames written as text, a store in memory, an engine on a fake clock. */
import { openMetric, type Metric } from "../../core/catalog/metric.ts";
import type { Device } from "../../core/catalog/device.ts";
import { createLog, type Log } from "../../core/kit/log.ts";
import { createSelfMetrics, type SelfMetrics } from "../../core/kit/self-metrics.ts";
import { setPresent, type Frame, type Origin, type Schema } from "../../core/wire/frame.ts";
import type { Rule } from "../../alerts/rule.ts";
import { createAlertBook } from "../../collector/detect/alert-book.ts";
import { createEngine, type Engine } from "../../collector/detect/engine.ts";
import { createThresholdDetector } from "../../collector/detect/threshold/detector.ts";
import { createIngest, defaultIngestLimits, type Ingest } from "../../collector/ingest/door.ts";
import type { Alert, AlertStep, AlertStore } from "../../collector/state/alert.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";

export const startMilliseconds = 1_700_000_000_000;

export interface Sample {
  readonly metric: Metric | string;
  readonly labels?: Readonly<Record<string, string>>;
  /** undefined: the series is declared and has no sample. */
  readonly value: number | undefined;
  readonly device?: Device;
}

export const testOrigin: Origin = {
  node: "node-1",
  job: "warpwatch",
  instance: "node-1:9410",
  boot: "boot-1",
};

/** Makes frames of one origin; the schema stays the same object while the series do. */
export function createFrameMaker(origin: Origin = testOrigin) {
  let schema: Schema | null = null;
  let shape = "";
  let sequence = 0;
  return (
    timeMilliseconds: number,
    samples: readonly Sample[],
    options: { readonly complete?: boolean } = {},
  ): Frame => {
    const now = JSON.stringify(samples.map(({ metric, labels }) => [nameOf(metric), labels]));
    if (schema === null || now !== shape) {
      const series = samples.map(({ metric, labels = {}, device }) => ({
        metric: openMetric(nameOf(metric), "gauge", "", Object.keys(labels)),
        values: Object.values(labels),
        device: device ?? null,
      }));
      const groups = [{ source: "test", first: 0, length: series.length }];
      schema = { origin, version: (schema?.version ?? 0) + 1, groups, series };
      shape = now;
    }
    sequence += 1;
    const present = new Uint8Array(Math.ceil(samples.length / 8));
    samples.forEach(({ value }, slot) => value !== undefined && setPresent(present, slot));
    return {
      schema,
      sequence,
      timestamps: Float64Array.of(timeMilliseconds),
      values: Float64Array.from(samples, ({ value }) => value ?? Number.NaN),
      present,
      complete: options.complete ?? true,
    };
  };
}

function nameOf(metric: Metric | string): string {
  return typeof metric === "string" ? metric : metric.name;
}

export interface MemoryStore extends AlertStore {
  readonly steps: AlertStep[];
  failing: boolean;
}

export function createMemoryStore(initial: readonly Alert[] = []): MemoryStore {
  const alerts = new Map(initial.map((alert) => [alert.fingerprint, alert]));
  const store: MemoryStore = {
    steps: [],
    failing: false,
    load: () => [...alerts.values()].filter(({ state }) => state !== "resolved"),
    commit(step) {
      if (store.failing) throw new Error("disk full");
      store.steps.push(step);
      for (const alert of step.changed) alerts.set(alert.fingerprint, alert);
      for (const fingerprint of step.dropped) alerts.delete(fingerprint);
    },
  };
  return store;
}

export const quietLog: Log = createLog({ clock: createFakeClock(), write: () => true });

export function createTestMetrics(clock: FakeClock = createFakeClock()): SelfMetrics {
  return createSelfMetrics({ clock, processMetrics: false });
}

export interface Bench {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly ingest: Ingest;
  readonly engine: Engine;
  readonly metrics: SelfMetrics;
  /** Moves the clock to the given second after the start and sends the samples with that time. */
  send(second: number, samples: readonly Sample[], options?: { complete?: boolean }): Promise<void>;
  tick(): void;
  /** Every change of state so far: `second alert state`. */
  history(): string[];
}

/** An engine behind a door, fed by one origin. */
export function createBench(
  rules: readonly Rule[],
  options: {
    readonly store?: MemoryStore;
    readonly origin?: Origin;
    readonly placeOf?: (node: string) => string;
  } = {},
): Bench {
  const clock = createFakeClock(startMilliseconds);
  const metrics = createTestMetrics(clock);
  const store = options.store ?? createMemoryStore();
  const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
  const { placeOf = () => "" } = options;
  const book = createAlertBook({ rules, store, clock, log: quietLog, metrics, placeOf });
  const detectors = [createThresholdDetector({ rules, book, log: quietLog, metrics })];
  const engine = createEngine({ clock, metrics, book, detectors });
  ingest.listen(engine);
  const make = createFrameMaker(options.origin);
  return {
    clock,
    store,
    ingest,
    engine,
    metrics,
    async send(second, samples, frameOptions) {
      await clock.advance(startMilliseconds + second * 1000 - clock.now());
      ingest.accept(make(clock.now(), samples, frameOptions));
    },
    tick: () => engine.tick(ingest.origins()),
    history: () =>
      store.steps.flatMap((step) => [
        ...step.changed.map((alert) => `${secondOf(alert)} ${alert.rule} ${alert.state}`),
        ...step.dropped.map(() => "dropped"),
      ]),
  };
}

function secondOf({ state, ...alert }: Alert): number {
  const at =
    state === "resolved"
      ? alert.resolvedAtMilliseconds
      : state === "firing"
        ? alert.firedAtMilliseconds
        : alert.activeAtMilliseconds;
  return (at - startMilliseconds) / 1000;
}
