/** Functions made of additions, multiplications and divisions only, which IEEE 754 rounds the same on every machine; Math.exp and its kin may differ. */

/** The natural logarithm of x in (0, 1], good to 1e-9. */
export function naturalLogarithm(x: number): number {
  let mantissa = x;
  let halvings = 0;
  while (mantissa < 0.7) {
    mantissa *= 2;
    halvings += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  const series =
    2 * s * (1 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square * (1 / 9)))));
  return series - halvings * 0.693_147_180_559_945_3;
}

/** A wave of amplitude 1 with period 1 that is 0 at 0 and rises: two parabolas, within 0.06 of the sine. */
export function wave(turns: number): number {
  const position = turns - Math.floor(turns);
  const half = position < 0.5 ? position : position - 0.5;
  const arch = 16 * half * (0.5 - half);
  return position < 0.5 ? arch : -arch;
}

export function clamp(value: number, lowest: number, highest: number): number {
  return value < lowest ? lowest : value > highest ? highest : value;
}
