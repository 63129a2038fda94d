// Numbers as an operator reads them; what isn't known is said, never shown as 0.
// @ts-check

/** @param {number | null} value @param {(value: number) => string} format */
export function reading(value, format) {
  return value === null ? "–" : format(value);
}

/** @param {number} ratio */
export const percent = (ratio) => `${Math.round(ratio * 100)} %`;
/** @param {number} ratio */
export const finePercent = (ratio) => `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;
/** @param {number} value */
export const celsius = (value) => `${Math.round(value)} °C`;
/** @param {number} value */
export const watts = (value) => `${Math.round(value)} W`;

/** @param {number} milliseconds */
export function lasting(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`;
}

/** @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
