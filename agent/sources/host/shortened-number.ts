/** Numbers that a kernel module shortened for people, `1.1M`: drivers/md/bcache/util.c, and bcachefs after it. */

const powers = "kMGTPEZY";
const pattern = /^(-?)(\d{1,20})(?:\.(\d{1,4}))?([kKMGTPEZY]?)$/;

/** NaN where the text isn't such a number. */
export function parseShortened(text: string): number {
  return parse(text, (digits) => Number(`0.${digits}`));
}

/** As bcache prints them: behind the point are parts of 1024, cut off after the tens. */
export function parseShortenedByBcache(text: string): number {
  return parse(text, (digits) => Number(digits) / 10.24);
}

function parse(text: string, fractionOf: (digits: string) => number): number {
  const [, sign, whole, digits, letter = ""] = pattern.exec(text) ?? [];
  if (whole === undefined) return Number.NaN;
  const value = Number(whole) + (digits === undefined ? 0 : fractionOf(digits));
  const power = letter === "" ? 0 : powers.indexOf(letter.replace("K", "k")) + 1;
  const scaled = Math.trunc(value * 1024 ** power);
  return sign === "-" ? -scaled : scaled;
}
