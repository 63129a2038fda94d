/** The dispatcher: a courier per notifier over the outbox, woken by the start, by every commit, and once a second in case; it also gives the planner its seconds. */
import { every } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Env } from "../../core/kit/env.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Alert, AlertStore } from "../state/alert.ts";
import type { Outbox } from "../state/outbox.ts";
import { closeCourier, createCourier, wake } from "./courier.ts";
import type { Planner } from "./incident/planner.ts";
import { createNotifyMeter } from "./meter.ts";
import type { Notifier } from "./notifier.ts";
import { startRefresher } from "./refresher.ts";

export interface DispatcherOptions {
  readonly notifiers: readonly Notifier[];
  readonly outbox: Outbox;
  readonly alerts: AlertStore;
  readonly planner: Pick<Planner, "tick" | "isHeld">;
  readonly env: Pick<Env, "clock" | "randomId">;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

export interface Dispatcher {
  /** Resolves when nothing is under way any more; what isn't delivered stays in the outbox. */
  close(): Promise<void>;
}

const graceMilliseconds = 3000;
const periodMilliseconds = 1000;

/** Sends what the last run left over, then everything that is committed. */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { notifiers, outbox, alerts, planner, env, log } = options;
  const { clock, randomId } = env;
  const names = notifiers.map((notifier) => notifier.name);
  const meter = createNotifyMeter(options.metrics, outbox, names);
  const couriers = notifiers.map((notifier) =>
    createCourier({ notifier, outbox, clock, randomId, log, meter }),
  );
  const firing = (notifier: string) => (): Alert[] =>
    alerts.load().filter((alert) => alert.state === "firing" && !planner.isHeld(notifier, alert));
  /** Called where a throw would undo what is done already: a state file that can't be read is tried again in a second. */
  const attempt = (work: () => void) => (): void => {
    try {
      work();
    } catch (thrown) {
      log.error(`the outbox can't be read: ${describeError(thrown)}`);
    }
  };
  const wakeAll = attempt(() => couriers.forEach((courier) => wake(courier)));
  const timers = [
    every(clock, periodMilliseconds, () => planner.tick()),
    every(clock, periodMilliseconds, wakeAll),
    every(clock, periodMilliseconds, attempt(meter.sample)),
  ];
  for (const courier of couriers) {
    const { refresh } = courier.notifier;
    if (refresh) timers.push(startRefresher(courier, refresh, firing(courier.notifier.name)));
  }
  outbox.onAdded(wakeAll);
  wakeAll();
  return {
    async close() {
      for (const timer of timers) timer.cancel();
      await Promise.all(couriers.map((courier) => closeCourier(courier, graceMilliseconds)));
    },
  };
}
