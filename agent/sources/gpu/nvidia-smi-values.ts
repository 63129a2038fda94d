/** What a cell of nvidia-smi's CSV means: a number with the unit we expect, one of two words, or nothing. */

/**
 * Numbers as nvidia-smi prints them: `-3`, `627.40 W`. The unit may be missing but not be another one.
 * Everything else is absent: `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[GPU is lost]`, `N/A`, an empty cell.
 */
export function readNumber(unit: string, factor = 1): (cell: string) => number {
  return (cell) => {
    const match = /^(-?\d+(?:\.\d+)?)(?: (\S+))?$/.exec(cell);
    if (!match) return Number.NaN;
    const [, number = "", found = unit] = match;
    return found === unit ? scale(Number(number), factor) : Number.NaN;
  };
}

/** 0 for the first word and 1 for the second; absent for any other. */
export function readChoice(zero: string, one: string): (cell: string) => number {
  return (cell) => {
    if (cell === zero) return 0;
    return cell === one ? 1 : Number.NaN;
  };
}

/** `P0` to `P15`. */
export function readPerformanceState(cell: string): number {
  const match = /^P(\d|1[0-5])$/.exec(cell);
  return match ? Number(match[1]) : Number.NaN;
}

/** `0x0000000000000004`. */
export function readBits(cell: string): number {
  return /^0x[\da-f]{1,16}$/i.test(cell) ? Number.parseInt(cell.slice(2), 16) : Number.NaN;
}

/** The text of a cell, or an empty string where it holds none. */
export function readText(cell: string): string {
  return cell.startsWith("[") || cell === "N/A" ? "" : cell;
}

/** The driver says so in the cells of a GPU that has fallen off the bus. */
export function saysLost(cell: string): boolean {
  return /gpu is lost/i.test(cell);
}

/** Divides where the factor is below 1, so that 7 % is 0.07 and not 0.07000000000000001. */
function scale(value: number, factor: number): number {
  return factor < 1 ? value / Math.round(1 / factor) : value * factor;
}
