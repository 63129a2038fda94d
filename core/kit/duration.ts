/** Durations as Prometheus writes them; apart from the configuration's schemas, which cost memory to load. */

const unitMilliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** Milliseconds of a Prometheus duration (`1h30m`, `15s`, `100ms`, `0`), or null when it isn't one. */
export function parseDuration(text: string): number | null {
  if (text === "0") return 0;
  const match =
    /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (!match || text === "") return null;
  const units = ["y", "w", "d", "h", "m", "s", "ms"];
  return units.reduce(
    (sum, unit, index) => sum + Number(match[index + 1] ?? 0) * (unitMilliseconds[unit] ?? 0),
    0,
  );
}

/** The shortest Prometheus duration: `90000` → `1m30s`. */
export function renderDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const units = [
    ["w", 604_800_000],
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
    ["ms", 1],
  ] as const;
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}
