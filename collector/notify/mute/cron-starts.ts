/**
 * When a cron expression begins something, in a time zone: node-cron reads the fields and matches the days. A time that the
 * clocks skip in spring begins as much later as they skip; one that they repeat in autumn begins once, the first time
 * (RFC 5545 and Temporal's `compatible` do the same).
 */
import { createTask, validate } from "node-cron";
import { WarpwatchError } from "../../../core/kit/errors.ts";

export interface CronStarts {
  /** The newest start in `(after, until]`, or null. */
  last(afterMilliseconds: number, untilMilliseconds: number): number | null;
  /** The first start later than that, or null when there is none within about four years. */
  next(afterMilliseconds: number): number | null;
}

const minuteMilliseconds = 60_000;
const hourMilliseconds = 3_600_000;
const dayMilliseconds = 86_400_000;
/** 29 February comes every four years, mostly. */
const maximumDaysAhead = 4 * 366;

/** Throws CONFIG_INVALID_VALUE with one sentence. */
export function createCronStarts(expression: string, timezone: string): CronStarts {
  const fields = expression.trim().split(/\s+/);
  const [minute = "", hour = "", ...day] = fields;
  if (fields.length !== 5 || !validate(expression))
    throw invalid(
      `"${expression}" is not a schedule; write minute, hour, day, month and weekday, as in 0 2 * * 6`,
    );
  const offsetAt = createOffset(timezone);
  const isMinute = matcher(`${minute} * * * *`);
  const isHour = matcher(`* ${hour} * * *`);
  const isDay = matcher(`0 0 ${day.join(" ")}`);
  /** Milliseconds after midnight at which it begins on a day that is one of its days. */
  const times = [...Array(24).keys()]
    .filter((at) => isHour(at * hourMilliseconds))
    .flatMap((at) =>
      [...Array(60).keys()]
        .filter((after) => isMinute(after * minuteMilliseconds))
        .map((after) => at * hourMilliseconds + after * minuteMilliseconds),
    );

  /** Starts of the day that begins at that wall-clock time, as instants. */
  function ofDay(wallMidnight: number): number[] {
    if (!isDay(wallMidnight)) return [];
    const offset = offsetAt(wallMidnight - dayMilliseconds);
    if (offset === offsetAt(wallMidnight + 2 * dayMilliseconds))
      return times.map((time) => wallMidnight + time - offset);
    return times.map((time) => instantOf(wallMidnight + time, offsetAt)).toSorted(ascending);
  }

  function midnightBefore(instant: number): number {
    const wall = instant + offsetAt(instant);
    return Math.floor(wall / dayMilliseconds) * dayMilliseconds;
  }

  return {
    last(after, until) {
      // A start that the clocks moved may lie on the day after its own.
      const first = midnightBefore(after) - dayMilliseconds;
      for (let day = midnightBefore(until); day >= first; day -= dayMilliseconds) {
        const found = ofDay(day).findLast((start) => start > after && start <= until);
        if (found !== undefined) return found;
      }
      return null;
    },
    next(after) {
      const first = midnightBefore(after) - dayMilliseconds;
      for (let count = 0; count <= maximumDaysAhead; count += 1) {
        const found = ofDay(first + count * dayMilliseconds).find((start) => start > after);
        if (found !== undefined) return found;
      }
      return null;
    },
  };
}

/** Throws CONFIG_INVALID_VALUE for a zone that isn't known here. */
export function checkTimezone(timezone: string): void {
  createOffset(timezone);
}

/** Asked with wall-clock times as if they were UTC: node-cron only reads and matches the fields. */
function matcher(expression: string): (wall: number) => boolean {
  const task = createTask(expression, () => undefined, { timezone: "UTC" });
  return (wall) => task.match(new Date(wall));
}

/** What a zone's clocks show beyond UTC, in milliseconds, at an instant. */
function createOffset(timezone: string): (instant: number) => number {
  const format = formatOf(timezone);
  return (instant) => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  };
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en", {
      timeZone: timezone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (cause) {
    throw new WarpwatchError(
      "CONFIG_INVALID_VALUE",
      `"${timezone}" is not a time zone; write it as Europe/Berlin or UTC`,
      { cause },
    );
  }
}

/** Shown twice: the first. Never shown: as much after the gap as it lies in it. */
function instantOf(wall: number, offsetAt: (instant: number) => number): number {
  const before = wall - offsetAt(wall - dayMilliseconds);
  if (before + offsetAt(before) === wall) return before;
  const after = wall - offsetAt(wall + dayMilliseconds);
  return after + offsetAt(after) === wall ? after : before;
}

function ascending(one: number, other: number): number {
  return one - other;
}

function invalid(sentence: string): WarpwatchError {
  return new WarpwatchError("CONFIG_INVALID_VALUE", sentence);
}
