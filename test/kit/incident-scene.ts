/** The planner on a fake clock over a real state file: what it decides to tell, without anybody who sends it. */
import { onTestFinished } from "vitest";
import type { Destination } from "../../collector/notify/incident/planning.ts";
import type { Planner, PlannerOptions } from "../../collector/notify/incident/planner.ts";
import { policyOf, type Policy } from "../../collector/notify/incident/policy.ts";
import type { Alert } from "../../collector/state/alert.ts";
import type { Notification } from "../../collector/state/notification.ts";
import { openState, type State } from "../../collector/state/open.ts";
import { makeAlert, resolved } from "./alerts.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { makeFolder } from "./folder.ts";
import { destination, startPlanner } from "./planning.ts";

export interface Scene {
  readonly clock: FakeClock;
  readonly state: State;
  readonly planner: Planner;
  readonly fire: (...alerts: Alert[]) => void;
  readonly end: (...alerts: Alert[]) => void;
  /** Lets this many seconds pass, one round each. */
  readonly pass: (seconds: number) => Promise<void>;
  /** What was decided since the last call, in order. */
  readonly told: (notifier?: string) => Notification[];
  readonly close: () => void;
}

/** A chat and a pager behave as their defaults say. */
export const pager = destination("pager", policyOf({ type: "pagerduty" }));
export const chat = (changes: Partial<Policy> = {}): Destination =>
  destination("chat", { ...policyOf({ type: "slack" }), ...changes });

export function startScene(
  destinations: readonly Destination[],
  options: Partial<PlannerOptions> & { readonly folder?: string; readonly clock?: FakeClock } = {},
): Scene {
  const { folder = makeFolder(), clock = createFakeClock(makeAlert().firedAtMilliseconds) } =
    options;
  const state = openState({ folder, notifiers: destinations, clock });
  const planner = startPlanner(state, destinations, clock, { ...options, clock });
  const seen = new Map<string, number>();
  let open = true;
  function close(): void {
    if (open) state.close();
    open = false;
  }
  onTestFinished(close);
  const commit = (alerts: readonly Alert[]): void =>
    state.alerts.commit({ changed: alerts, dropped: [], notify: alerts });
  return {
    clock,
    state,
    planner,
    close,
    fire: (...alerts) =>
      commit(alerts.map((alert) => ({ ...alert, firedAtMilliseconds: clock.now() }))),
    end: (...alerts) => commit(alerts.map((alert) => resolved(alert, clock.now()))),
    async pass(seconds) {
      for (let second = 0; second < seconds; second += 1) {
        await clock.advance(1000);
        planner.tick();
      }
    },
    told(notifier = destinations[0]?.name ?? "") {
      const keys = state.outbox.after(notifier, seen.get(notifier) ?? 0);
      seen.set(notifier, keys.at(-1)?.sequence ?? seen.get(notifier) ?? 0);
      return keys.flatMap(({ sequence }) => state.outbox.read(sequence) ?? []);
    },
  };
}

/** `trigger fired 3`: action, occasion and how many alerts. */
export function inShort(notifications: readonly Notification[]): string[] {
  return notifications.map(
    ({ action, occasion, memberCount }) => `${action} ${occasion} ${memberCount}`,
  );
}

/** The alert of one GPU of one node. */
export function gpuAlert(gpu: number, node = "node-07", severity = "critical"): Alert {
  return makeAlert({
    labels: { ...makeAlert().labels, gpu: String(gpu), UUID: `GPU-${node}-${gpu}`, node, severity },
    annotations: { summary: `GPU ${gpu} on ${node} is lost` },
  });
}
