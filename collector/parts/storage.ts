/** Looks after the disk that state lies on: tells when it is full, and gets back to it as soon as it can be written. */
import { storage } from "../../core/catalog/index.ts";
import { every, type Clock } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { State } from "../state/open.ts";

export interface StorageOptions {
  readonly state: Pick<State, "endurance" | "takeDamage">;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

const tellMilliseconds = 1000;
const recoverMilliseconds = 5000;
const levels = { disk: 0, reserve: 1, memory: 2 } as const;
const sentences = {
  disk: "state is on disk again, and its reserve set aside",
  reserve: "the disk of the state folder is full or nearly so: state has no reserve",
  memory: "state can't be written: alerts and notifications go on in memory, and a kill loses them",
} as const;

export function watchStorage({ state, clock, log, metrics }: StorageOptions): () => void {
  const { endurance } = state;
  metrics.gauge(storage.stateDiskFull, () => levels[endurance.phase]);
  const unsaved = metrics.counter(storage.stateUnsaved);
  // A counter that is born at 1 shows no increase.
  unsaved.increase({}, 0);
  const damaged = metrics.counter(storage.stateDamaged);
  damaged.increase({}, 0);
  let told: keyof typeof levels = "disk";
  let counted = 0;
  function tell(): void {
    unsaved.increase({}, endurance.unsaved - counted);
    counted = endurance.unsaved;
    for (const sentence of state.takeDamage()) {
      damaged.increase({});
      log.error(`a row of state is left out: ${sentence}`);
    }
    const { phase } = endurance;
    if (phase === told) return;
    told = phase;
    if (phase === "disk") log.info(sentences.disk);
    else log.error(sentences[phase]);
  }
  tell();
  const timers = [
    every(clock, tellMilliseconds, tell),
    every(clock, recoverMilliseconds, () => {
      try {
        endurance.recover();
      } catch (thrown) {
        log.error(`state can't be put on disk: ${describeError(thrown)}`);
      }
    }),
  ];
  return () => {
    for (const timer of timers) timer.cancel();
  };
}
