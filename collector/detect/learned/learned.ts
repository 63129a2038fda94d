/** The learned detectors together: they step with the engine, their verdicts go out as a frame, what they learned is kept on disk. */
import { findings as catalogue } from "../../../core/catalog/index.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { Frame, FrameSink } from "../../../core/wire/frame.ts";
import { ownJobs } from "../../origin.ts";
import type { Detector, LearnedDetector } from "../detector.ts";
import { createAnomalyDetector } from "./anomaly-detector.ts";
import type { Backfill, Pupils } from "./backfill.ts";
import { createFailureDetector, type GpuFailure } from "./failure-detector.ts";
import { createFindingBook, type Finding, type FindingSink } from "./finding.ts";
import { createForecastDetector } from "./forecast-detector.ts";
import { createVerdictFrames } from "./frame.ts";
import { createSnapshotStore } from "./store.ts";

export interface Learned {
  /** For the engine; one that fails is told of and doesn't keep the others from judging. */
  readonly detectors: readonly Detector[];
  /** Open findings, the oldest first. */
  findings(): Finding[];
  failures(): GpuFailure[];
  /** Sends the frame of verdicts and saves when it is time; called once a second. */
  tick(): void;
  /** It was removed on purpose: nothing more is said of it. */
  remove(node: string, device: string | null): void;
  /** The frame of verdicts last sent, for the metrics page. */
  lastFrame(): Frame | null;
  /** Saves what was learned. */
  close(): Promise<void>;
}

export interface LearnedOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  /** Where the frame of verdicts goes. */
  readonly sink: FrameSink;
  readonly boot: string;
  readonly folder: string;
  /** Begins to read the past of origins that no snapshot tells of, where there is a store that has it. */
  readonly backfill?: ((pupils: Pupils) => Backfill) | null;
}

const job = ownJobs.detectors;
const sendEveryTicks = 5;
const saveEveryTicks = 300;
const findingsName = "findings";

export function createLearned(options: LearnedOptions): Learned {
  const { clock, log, metrics } = options;
  const dropped = metrics.counter(catalogue.dropped);
  const failed = metrics.counter(catalogue.snapshotFailures);
  const series = metrics.gauge(catalogue.series);
  const refused = metrics.gauge(catalogue.seriesRefused);
  const book = createFindingBook((detector) => dropped.increase({ detector }));
  let isReplaying = false;
  /** What is found in the past is told by the first samples that show that it still holds. */
  const findings: FindingSink = {
    report(finding) {
      if (!isReplaying) book.report(finding);
    },
    close(...of) {
      if (!isReplaying) book.close(...of);
    },
  };
  const failure = createFailureDetector({ findings });
  const detectors: readonly LearnedDetector[] = [
    createAnomalyDetector({ findings }),
    createForecastDetector({ findings }),
    failure,
  ];
  const names = detectors.map(({ name }) => name);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const detector of names) {
    dropped.increase({ detector }, 0);
    failed.increase({ detector }, 0);
  }
  const origin = { node: "", job, instance: job, boot: options.boot };
  const frames = createVerdictFrames(origin, options.sink);
  const store = createSnapshotStore(options.folder);
  const kept = [...detectors, { ...book, name: findingsName }];
  let ticks = 0;
  let saving: Promise<void> | null = null;

  function complain(detector: string, what: string, thrown: unknown): void {
    failed.increase({ detector });
    log.error(`what the ${detector} detector learned ${what}: ${describeError(thrown)}`);
  }

  for (const one of kept)
    try {
      const bytes = store.load(one.name);
      if (bytes === "damaged" || (bytes && !one.restore(bytes)))
        log.warn(`the ${one.name} detector starts anew: its file is damaged or of another version`);
    } catch (thrown) {
      complain(one.name, "can't be read", thrown);
    }

  const known = new Set(detectors.flatMap((detector) => [...detector.origins()]));
  const backfill =
    options.backfill?.({
      knew: (key) => known.has(key),
      replay(state) {
        isReplaying = true;
        for (const detector of detectors) guarded(detector, log).step(state);
        isReplaying = false;
      },
    }) ?? null;

  async function save(): Promise<void> {
    for (const one of kept)
      try {
        await store.save(one.name, one.snapshot());
      } catch (thrown) {
        complain(one.name, "can't be saved", thrown);
      }
    saving = null;
  }

  return {
    detectors: detectors.map((detector) => awaiting(guarded(detector, log), backfill)),
    findings: () => book.list(),
    failures: () => failure.predictions(),
    tick() {
      ticks += 1;
      if (ticks % saveEveryTicks === 0) saving ??= save();
      if (ticks % sendEveryTicks !== 1) return;
      const now = clock.now();
      const [open, closed, failures] = [book.list(), book.closed(now), failure.predictions()];
      frames.send({ detectors: names, open, closed, failures }, now);
      for (const { name, size } of detectors) {
        series.set({ detector: name }, size.watched);
        refused.set({ detector: name }, size.refused);
      }
    },
    remove(node, device) {
      failure.remove(node, device);
      book.closeAll(node, device, clock.now());
    },
    lastFrame: frames.last,
    async close() {
      backfill?.close();
      await backfill?.done;
      await saving;
      await save();
    },
  };
}

/** Learns nothing of an origin while its past is being read. */
function awaiting(detector: Detector, backfill: Backfill | null): Detector {
  if (!backfill) return detector;
  return {
    ...detector,
    step(state) {
      if (!backfill.isAwaited(state.key)) detector.step(state);
    },
  };
}

function guarded(detector: LearnedDetector, log: Log): Detector {
  return {
    name: detector.name,
    step(state) {
      try {
        detector.step(state);
      } catch (thrown) {
        log.error(`the ${detector.name} detector failed on ${state.key}: ${describeError(thrown)}`);
      }
    },
    late(frame) {
      try {
        detector.late?.(frame);
      } catch (thrown) {
        const { job, instance } = frame.schema.origin;
        const reason = describeError(thrown);
        log.error(`the ${detector.name} detector failed on ${job}/${instance}: ${reason}`);
      }
    },
    silent: (key) => detector.silent(key),
    forget: (key) => detector.forget(key),
  };
}
