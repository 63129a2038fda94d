/** The engine: runs the detectors on every frame that came in, and makes what they changed durable before it is told. */
import { collector } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { withSpan } from "../../core/kit/tracing.ts";
import { silentAfterMilliseconds, type OriginListener, type OriginState } from "../origin.ts";
import type { Alert } from "../state/alert.ts";
import type { AlertBook } from "./alert-book.ts";
import type { Detector } from "./detector.ts";

export interface Engine extends OriginListener {
  /** Marks what silent origins measure as unknown, tries again what could not be written; called once a second. */
  tick(origins: Iterable<OriginState>): void;
  /** Pending and firing alerts, the oldest first. */
  alerts(): Alert[];
  /** Ends the alerts of a node or of one of its devices: it was removed on purpose. */
  endRemoved(node: string, device: string | null): void;
}

export interface EngineOptions {
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
  readonly book: AlertBook;
  readonly detectors: readonly Detector[];
}

/** Labels by which a device is known on its node. */
const deviceLabels = ["UUID", "gpu", "device", "mountpoint"] as const;

export function createEngine(options: EngineOptions): Engine {
  const { clock, book, detectors } = options;
  const evaluations = options.metrics.counter(collector.evaluations);
  const seconds = options.metrics.histogram(collector.evaluationSeconds);

  return {
    frame(state) {
      withSpan("warpwatch.evaluate", (note) => {
        note?.({ "warpwatch.origin": state.key });
        const started = clock.monotonic();
        for (const detector of detectors) detector.step(state);
        seconds.observe({}, (clock.monotonic() - started) / 1000);
        evaluations.increase({});
        book.commit();
      });
    },
    late(frame) {
      for (const detector of detectors) detector.late?.(frame);
    },
    forget(key) {
      for (const detector of detectors) {
        detector.silent(key);
        detector.forget(key);
      }
    },
    tick(origins) {
      const now = clock.monotonic();
      for (const { key, arrivedMonotonic, periodMilliseconds } of origins)
        if (now - arrivedMonotonic > silentAfterMilliseconds(periodMilliseconds))
          for (const detector of detectors) detector.silent(key);
      book.commit();
      book.refreshMetrics();
    },
    alerts: () =>
      Array.from(book.all(), (tracked) => tracked.alert).toSorted(
        (one, other) => one.activeAtMilliseconds - other.activeAtMilliseconds,
      ),
    endRemoved(node, device) {
      const removed = [...book.all()].filter(({ alert }) => concerns(alert, node, device));
      for (const { alert } of removed) book.end(alert, clock.now());
      book.commit();
    },
  };
}

function concerns({ labels }: Alert, node: string, device: string | null): boolean {
  if (labels["node"] !== node) return false;
  return device === null || deviceLabels.some((name) => labels[name] === device);
}
