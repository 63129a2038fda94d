/** Numbers and times as people read them in a finding. */

const largeUnits: readonly (readonly [number, string])[] = [
  [1024 ** 4, "TiB"],
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"],
];

/** Three digits that matter, with the unit; bytes in the unit that suits them. */
export function formatNumber(value: number, unit: string): string {
  if (unit.startsWith("bytes")) {
    const rest = unit.slice("bytes".length);
    const [size, name] = largeUnits.find(([size]) => Math.abs(value) >= size) ?? [1, "B"];
    return `${digits(value / size)} ${name}${rest}`;
  }
  return unit === "%" || unit === "" ? `${digits(value)}${unit}` : `${digits(value)} ${unit}`;
}

/** `2026-11-22 08:31 UTC`, with seconds where minutes would be too coarse. */
export function formatTime(
  milliseconds: number,
  precision: "minute" | "second" = "minute",
): string {
  const length = precision === "minute" ? 16 : 19;
  return `${new Date(milliseconds).toISOString().slice(0, length).replace("T", " ")} UTC`;
}

/** In the largest unit that leaves a number of 1 or more. */
export function formatDuration(milliseconds: number): string {
  const units = [
    [86_400_000, "days"],
    [3_600_000, "hours"],
    [60_000, "minutes"],
  ] as const;
  const [size, name] = units.find(([size]) => milliseconds >= 2 * size) ?? [1000, "seconds"];
  return `${Math.round(milliseconds / size)} ${name}`;
}

function digits(value: number): string {
  if (value === 0) return "0";
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
