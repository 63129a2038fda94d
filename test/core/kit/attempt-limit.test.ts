/** The table of failed attempts is bounded, and a flood of addresses can't free one that is blocked for long. */
import { expect, test } from "vitest";
import { createAttemptLimit } from "../../../core/kit/attempt-limit.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";

test("the minute begins with the first failure and ends by itself", async () => {
  const clock = createFakeClock();
  const limit = createAttemptLimit(clock);
  for (let attempt = 0; attempt < 10; attempt += 1) {
    limit.failed("10.0.0.1");
    await clock.advance(1000);
  }
  expect(limit.isBlocked("10.0.0.1")).toBe(true);
  await clock.advance(50_000);
  expect(limit.isBlocked("10.0.0.1")).toBe(false);
});

test("a thousand addresses fit; the one that was first known gives way to the next", () => {
  const limit = createAttemptLimit(createFakeClock());
  for (let attempt = 0; attempt < 10; attempt += 1) limit.failed("10.0.0.1");
  for (let other = 0; other < 999; other += 1) limit.failed(`10.1.${other >> 8}.${other & 255}`);
  expect(limit.isBlocked("10.0.0.1")).toBe(true);
  limit.failed("10.2.0.0");
  expect(limit.isBlocked("10.0.0.1")).toBe(false);
});
