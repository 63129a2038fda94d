/** Who judges: the rules, the learned detectors, and the collector's own counts, which are judged like any others. */
import { join } from "node:path";
import { every } from "../../core/kit/clock.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { FrameSink } from "../../core/wire/frame.ts";
import { createAlertBook } from "../detect/alert-book.ts";
import { createEngine, type Engine } from "../detect/engine.ts";
import { startBackfill, type Pupils } from "../detect/learned/backfill.ts";
import { createLearned, type Learned } from "../detect/learned/learned.ts";
import { createThresholdDetector } from "../detect/threshold/detector.ts";
import { createPromStore } from "../history/backfill/store.ts";
import { watchCertificates } from "../certificates.ts";
import { createOwnFrames, ownFramesPeriodMilliseconds } from "../own-frames.ts";
import { createPlaces, type Places } from "../fleet/place.ts";
import type { State } from "../state/open.ts";
import type { CollectorOptions } from "./options.ts";

export interface Judges {
  readonly engine: Engine;
  readonly learned: Learned;
  /** The fleet tells where nodes stand, and alerts say it. */
  readonly places: Places;
}

interface JudgesOptions {
  readonly options: CollectorOptions;
  readonly state: State;
  readonly sink: FrameSink;
  readonly boot: string;
  readonly metrics: SelfMetrics;
  readonly folder: string;
}

/** The engine with the rules and the learned detectors. */
export function createJudges({
  options,
  state,
  sink,
  boot,
  metrics,
  folder,
}: JudgesOptions): Judges {
  const { env, log, config } = options;
  const { clock } = env;
  const { rules } = config;
  const places = createPlaces();
  const placeOf = (node: string): string => places.of(node);
  const book = createAlertBook({ rules, store: state.alerts, clock, log, metrics, placeOf });
  const snapshots = join(folder, "detectors");
  const past = config.backfill;
  const backfill =
    past &&
    ((pupils: Pupils) => {
      const { pastMilliseconds } = past;
      const store = createPromStore(past, clock);
      return startBackfill({ store, pupils, clock, log, metrics, pastMilliseconds });
    });
  const learned = createLearned({ clock, log, metrics, sink, boot, folder: snapshots, backfill });
  const threshold = createThresholdDetector({ rules, book, log, metrics });
  const detectors = [threshold, ...learned.detectors];
  return { engine: createEngine({ clock, metrics, book, detectors }), learned, places };
}

/** Its own counts go the way of all others; so does when the first certificate expires that it meets. */
export function judgeOneself(
  { env, log }: CollectorOptions,
  sink: FrameSink,
  boot: string,
  metrics: SelfMetrics,
): () => void {
  const { clock, node } = env;
  const own = createOwnFrames({ clock, log, metrics, sink, node, boot });
  const timer = every(clock, ownFramesPeriodMilliseconds, () => void own.send());
  const unwatch = watchCertificates({ clock, log, metrics });
  return () => {
    timer.cancel();
    unwatch();
  };
}
