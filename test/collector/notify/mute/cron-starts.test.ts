import { describe, expect, test } from "vitest";
import { createCronStarts } from "../../../../collector/notify/mute/cron-starts.ts";

function at(text: string): number {
  return Date.parse(text);
}

/** The starts after an instant, one after the other. */
function following(cron: string, timezone: string, after: string, count: number): string[] {
  const starts = createCronStarts(cron, timezone);
  const found: string[] = [];
  for (
    let time = starts.next(at(after));
    time !== null && found.length < count;
    time = starts.next(time)
  )
    found.push(new Date(time).toISOString());
  return found;
}

describe("a cron expression in a time zone", () => {
  test("begins at the zone's wall-clock time, in summer as in winter", () => {
    expect(following("0 2 * * 6", "Europe/Berlin", "2026-10-20T00:00:00Z", 3)).toEqual([
      "2026-10-24T00:00:00.000Z",
      "2026-10-31T01:00:00.000Z",
      "2026-11-07T01:00:00.000Z",
    ]);
    expect(following("30 9 * * 1-5", "Asia/Kolkata", "2026-11-20T00:00:00Z", 2)).toEqual([
      "2026-11-20T04:00:00.000Z",
      "2026-11-23T04:00:00.000Z",
    ]);
  });

  test("a time that the clocks skip begins an hour later, once", () => {
    expect(following("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3)).toEqual([
      "2026-03-28T01:30:00.000Z",
      "2026-03-29T01:30:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
  });

  test("a time that the clocks repeat begins the first time only", () => {
    expect(following("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
    expect(following("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", 2)).toEqual([
      "2026-11-01T05:30:00.000Z",
      "2026-11-02T06:30:00.000Z",
    ]);
  });

  test("a day that a zone left out has no midnight, and begins as much later", () => {
    // Samoa went over the date line: there was no 30 December 2011.
    expect(following("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3)).toEqual([
      "2011-12-29T22:00:00.000Z",
      "2011-12-30T22:00:00.000Z",
      "2011-12-31T22:00:00.000Z",
    ]);
  });

  test("steps, lists and names mean what they mean elsewhere; a day and a weekday must both fit", () => {
    expect(following("*/20 1,3 * * *", "UTC", "2026-11-22T00:00:00Z", 4)).toEqual([
      "2026-11-22T01:00:00.000Z",
      "2026-11-22T01:20:00.000Z",
      "2026-11-22T01:40:00.000Z",
      "2026-11-22T03:00:00.000Z",
    ]);
    expect(following("0 0 1 jan,JUL *", "UTC", "2026-11-22T00:00:00Z", 2)).toEqual([
      "2027-01-01T00:00:00.000Z",
      "2027-07-01T00:00:00.000Z",
    ]);
    expect(following("0 2 13 * 5", "UTC", "2026-11-22T00:00:00Z", 1)).toEqual([
      "2027-08-13T02:00:00.000Z",
    ]);
    expect(following("0 0 29 2 *", "UTC", "2026-11-22T00:00:00Z", 1)).toEqual([
      "2028-02-29T00:00:00.000Z",
    ]);
  });

  test("looks back for the newest start within a span", () => {
    const starts = createCronStarts("0 2 * * 6", "Europe/Berlin");
    const start = at("2026-11-21T01:00:00Z");
    const hour = 3_600_000;
    expect(starts.last(start - hour, start)).toBe(start);
    expect(starts.last(start, start + hour)).toBeNull();
    expect(starts.last(start + hour - 4 * hour, start + hour)).toBe(start);
    expect(starts.last(start - 14 * 24 * hour, start - 1)).toBe(start - 7 * 24 * hour);
  });

  test.each(["0 2 * *", "0 0 2 * * 6", "61 2 * * *", "every night", "", "0 2 30 2 *"])(
    "%o is no schedule",
    (expression) => {
      expect(() => createCronStarts(expression, "UTC")).toThrow("is not a schedule");
    },
  );

  test("a zone that there isn't is refused", () => {
    expect(() => createCronStarts("0 2 * * 6", "Europe/Atlantis")).toThrow("is not a time zone");
  });
});
