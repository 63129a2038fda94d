/**
 * Decimals of 16 to 22 digits without making a string of them: sums and means are spelled so. A float64 is worked out together
 * with what is missing from it (T. J. Dekker, A floating-point technique for extending the available precision, 1971).
 */

export const maximumLongDigits = 22;

/** Every whole number of so many digits is a float64. */
const exactDigits = 15;
const point = 0x2e;
const zero = 0x30;
/** Parts a float64 in two halves, whose products are exact. */
const splitter = 2 ** 27 + 1;
/** What the arithmetic below may be wrong by, and a hundred times more. */
const slackFactor = 2 ** -98;

/**
 * The float64 nearest to the digits from `first` on, a point among them or not, divided by `divisor`, an exact power of ten.
 * NaN where the digits lie so near the middle between two that this arithmetic can't tell.
 */
export function readLongDecimal(
  bytes: Uint8Array,
  first: number,
  digits: number,
  divisor: number,
): number {
  let head = 0;
  let tail = 0;
  let tailPower = 1;
  for (let at = first, seen = 0; seen < digits; at += 1) {
    const byte = bytes[at]!;
    if (byte === point) continue;
    seen += 1;
    if (seen <= exactDigits) head = head * 10 + (byte - zero);
    else {
      tail = tail * 10 + (byte - zero);
      tailPower *= 10;
    }
  }
  const product = head * tailPower;
  const sum = product + tail;
  const missing = rounded(head, tailPower, product) + (tail - (sum - product));
  const whole = sum + missing;
  const quotient = whole / divisor;
  const back = quotient * divisor;
  const rest = whole - back - rounded(quotient, divisor, back) + (missing - (whole - sum));
  const correction = rest / divisor;
  const slack = quotient * slackFactor;
  const value = quotient + (correction - slack);
  return value === quotient + (correction + slack) ? value : Number.NaN;
}

/** What `product`, the rounded product of the two, lacks of the true one. */
function rounded(one: number, other: number, product: number): number {
  const oneHigh = highOf(one);
  const otherHigh = highOf(other);
  const oneLow = one - oneHigh;
  const otherLow = other - otherHigh;
  return (
    oneHigh * otherHigh - product + oneHigh * otherLow + oneLow * otherHigh + oneLow * otherLow
  );
}

function highOf(value: number): number {
  const scaled = value * splitter;
  return scaled - (scaled - value);
}
