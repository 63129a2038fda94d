/** How long to wait before the next attempt: exponential with jitter, so that a fleet of retries doesn't march in step. */

const firstMilliseconds = 250;
const longestMilliseconds = 30_000;

/**
 * `attempt` counts failures from 1. The wait lies between half of 250 ms × 2^(attempt-1), at most 30 s, and all of it.
 * `randomId` is a hexadecimal UUID: its first 32 bits are the jitter.
 */
export function backoffMilliseconds(attempt: number, randomId: string): number {
  const whole = Math.min(firstMilliseconds * 2 ** Math.min(attempt - 1, 20), longestMilliseconds);
  const fraction = Number.parseInt(randomId.slice(0, 8), 16) / 2 ** 32;
  return whole * (0.5 + fraction / 2);
}
