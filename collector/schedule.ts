/** What is periodic, as cron expressions in UTC: node-cron reads and matches them, the clock that is handed in says when it is. */
import { createTask, validate } from "node-cron";
import { every, type Clock, type Timer } from "../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";

export interface Schedule {
  /** Five fields: minute, hour, day of the month, month, day of the week. Throws CONFIG_INVALID_VALUE. */
  add(name: string, expression: string, job: () => unknown): void;
  /** No job begins any more. */
  stop(): void;
}

interface Entry {
  readonly name: string;
  readonly matches: (date: Date) => boolean;
  readonly job: () => unknown;
  running: boolean;
}

const minuteMilliseconds = 60_000;
/** After a pause (a sleeping machine, a blocked process) a job that was due is done once, if it isn't longer ago. */
const maximumMinutesBack = 24 * 60;

/** node-cron's own timers run on the machine's clock only, so its tasks are never started: they are asked each minute. */
export function createSchedule(options: { readonly clock: Clock; readonly log: Log }): Schedule {
  const { clock, log } = options;
  const entries: Entry[] = [];
  let last = minuteOf(clock);
  const timer: Timer = every(clock, minuteMilliseconds, tick);

  function tick(): void {
    const now = minuteOf(clock);
    const first = Math.max(last + 1, now - maximumMinutesBack);
    const due = new Set<Entry>();
    for (let minute = first; minute <= now; minute += 1)
      for (const entry of entries)
        if (entry.matches(new Date(minute * minuteMilliseconds))) due.add(entry);
    last = now;
    for (const entry of due) void run(entry);
  }

  async function run(entry: Entry): Promise<void> {
    if (entry.running) {
      log.warn(`${entry.name} is left out this time: it still runs`);
      return;
    }
    entry.running = true;
    try {
      await entry.job();
    } catch (thrown) {
      log.error(`${entry.name} failed: ${describeError(thrown)}`);
    } finally {
      entry.running = false;
    }
  }

  return {
    add(name, expression, job) {
      if (expression.trim().split(/\s+/).length !== 5 || !validate(expression))
        throw new WarpwatchError(
          "CONFIG_INVALID_VALUE",
          `"${expression}" is not a schedule; write minute, hour, day, month and weekday, as in 5 * * * *`,
        );
      const task = createTask(expression, () => undefined, { timezone: "UTC" });
      entries.push({ name, matches: (date) => task.match(date), job, running: false });
    },
    stop: () => timer.cancel(),
  };
}

/** The minute that is, or that is just about to be: timers may fire a little early. */
function minuteOf(clock: Clock): number {
  return Math.floor((clock.now() + 500) / minuteMilliseconds);
}
