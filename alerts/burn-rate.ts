/** Rules over how fast the allowance of an objective is used up: several windows and rates each, as Google's SRE workbook has them (chapter 5). */
import { bothAbove, type Condition, type Expression } from "./expression.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `factor` times as fast as would just use a month's allowance; over the long window, and in the short one still. */
interface Burn {
  readonly factor: number;
  readonly longMilliseconds: number;
  readonly shortMilliseconds: number;
}

/** Two hundredths of the month's allowance in an hour, a twentieth in six, a tenth in a day, a tenth in three. */
export const burns = {
  fast: { factor: 14.4, longMilliseconds: hour, shortMilliseconds: 5 * minute },
  slow: { factor: 6, longMilliseconds: 6 * hour, shortMilliseconds: 30 * minute },
  day: { factor: 3, longMilliseconds: day, shortMilliseconds: 2 * hour },
  days: { factor: 1, longMilliseconds: 3 * day, shortMilliseconds: 6 * hour },
} as const satisfies Readonly<Record<string, Burn>>;

/** Every window that one of them looks back over, shortest first. */
export const burnWindows: readonly number[] = Object.values(burns)
  .flatMap(({ longMilliseconds, shortMilliseconds }) => [longMilliseconds, shortMilliseconds])
  .filter((window, index, all) => all.indexOf(window) === index)
  .toSorted((one, other) => one - other);

/** True while what fails, of `failing` over a window, burns that fast. */
export function burning(
  failing: (windowMilliseconds: number) => Expression,
  allowance: number,
  { factor, longMilliseconds, shortMilliseconds }: Burn,
): Condition {
  // Without the last digits of a product of decimals.
  const threshold = Number((factor * allowance).toPrecision(6));
  return bothAbove(failing(longMilliseconds), failing(shortMilliseconds), threshold);
}
