/** Repeats firing alerts to a receiver that forgets them (Alertmanager), without ever overtaking a resolve. */
import { every, type Timer } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Alert } from "../state/alert.ts";
import { isPaused, pump, track, withDeadline, type Courier } from "./courier.ts";
import type { Lane } from "./lanes.ts";
import { refreshBatch, type Refresh } from "./notifier.ts";

/** `firing` is asked at each round: what this receiver is to hear of. */
export function startRefresher(
  courier: Courier,
  refresh: Refresh,
  firing: () => readonly Alert[],
): Timer {
  let running = false;
  return every(courier.clock, refresh.everyMilliseconds, () => {
    if (running || courier.stopping.signal.aborted || isPaused(courier)) return;
    running = true;
    const round = repeatAll(courier, refresh, firing)
      .catch((thrown: unknown) =>
        courier.log.error(`firing alerts can't be read: ${describeError(thrown)}`),
      )
      .finally(() => {
        running = false;
      });
    track(courier, round);
  });
}

/**
 * Lanes are held while their alert is repeated, so that a resolve committed meanwhile is sent after it; a lane with work is
 * left out. The first batch that fails ends the round: nothing waits for a receiver that doesn't answer.
 */
async function repeatAll(
  courier: Courier,
  refresh: Refresh,
  firing: () => readonly Alert[],
): Promise<void> {
  const { lanes, stopping } = courier;
  const held = new Map<Alert, Lane>();
  for (const alert of firing()) {
    const lane = lanes.reserve(alert.fingerprint);
    if (lane) held.set(alert, lane);
  }
  const alerts = [...held.keys()];
  for (let first = 0; first < alerts.length && !stopping.signal.aborted; first += refreshBatch) {
    const batch = alerts.slice(first, first + refreshBatch);
    if (!(await repeatBatch(courier, refresh, batch))) break;
    release(courier, held, batch);
  }
  release(courier, held, [...held.keys()]);
}

async function repeatBatch(
  courier: Courier,
  refresh: Refresh,
  alerts: readonly Alert[],
): Promise<boolean> {
  const { meter, notifier, log } = courier;
  const receipt = await withDeadline(courier, (signal) => refresh.send(alerts, signal));
  meter.refreshed(notifier.name, receipt.outcome === "accepted" ? "accepted" : "failed");
  if (receipt.outcome === "accepted") return true;
  log.warn("firing alerts could not be repeated; the next round tries again", {
    source: notifier.name,
    reason: receipt.sentence,
  });
  return false;
}

function release(courier: Courier, held: Map<Alert, Lane>, alerts: readonly Alert[]): void {
  for (const alert of alerts) {
    const lane = held.get(alert);
    if (lane) courier.lanes.giveBack(lane);
    held.delete(alert);
  }
  pump(courier);
}
