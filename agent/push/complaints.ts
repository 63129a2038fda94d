/** What is said of a collector that doesn't take what is sent: once when it begins, once a minute while the sentence is new or it goes on, once when it is over. */
import type { Clock } from "../../core/kit/clock.ts";
import { WarpwatchError, describeError, type ErrorCode } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";

export interface Complaints {
  failed(code: ErrorCode, sentence: string): void;
  succeeded(): void;
}

const repeatMilliseconds = 60_000;

export function createComplaints(clock: Clock, log: Log, what: string): Complaints {
  let since: number | null = null;
  let toldAt = -Infinity;
  let told = "";
  return {
    failed(code, sentence) {
      const now = clock.monotonic();
      since ??= now;
      const isNews = sentence !== told && now - toldAt >= 1000;
      if (!isNews && now - toldAt < repeatMilliseconds) return;
      toldAt = now;
      told = sentence;
      log.warn(`${what} wait: ${describeError(new WarpwatchError(code, sentence))}`);
    },
    succeeded() {
      if (since === null) return;
      const seconds = Math.round((clock.monotonic() - since) / 1000);
      log.info(`${what} are taken again after ${seconds} s`);
      since = null;
      told = "";
      toldAt = -Infinity;
    },
  };
}
