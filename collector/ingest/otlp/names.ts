/**
 * What OpenTelemetry's names are called in Prometheus: its own translation with underscores and suffixes
 * (prometheus.io/docs/guides/opentelemetry: UnderscoreEscapingWithSuffixes; prometheus/otlptranslator has the rules).
 */

export type NamedKind = "gauge" | "counter" | "other";

/** Units of UCUM that have a word in Prometheus; others are taken as they are. */
const unitWords: ReadonlyMap<string, string> = new Map([
  ["d", "days"],
  ["h", "hours"],
  ["min", "minutes"],
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["us", "microseconds"],
  ["ns", "nanoseconds"],
  ["By", "bytes"],
  ["KiBy", "kibibytes"],
  ["MiBy", "mebibytes"],
  ["GiBy", "gibibytes"],
  ["TiBy", "tibibytes"],
  ["KBy", "kilobytes"],
  ["MBy", "megabytes"],
  ["GBy", "gigabytes"],
  ["TBy", "terabytes"],
  ["m", "meters"],
  ["V", "volts"],
  ["A", "amperes"],
  ["J", "joules"],
  ["W", "watts"],
  ["g", "grams"],
  ["Cel", "celsius"],
  ["Hz", "hertz"],
  ["1", ""],
  ["%", "percent"],
]);

const perWords: ReadonlyMap<string, string> = new Map([
  ["s", "second"],
  ["m", "minute"],
  ["h", "hour"],
  ["d", "day"],
  ["w", "week"],
  ["mo", "month"],
  ["y", "year"],
]);

/** Null where nothing of the name is left. */
export function metricNameOf(name: string, unit: string, kind: NamedKind): string | null {
  let words = name.split(/[^a-zA-Z0-9:]+/).filter((word) => word !== "");
  const [main, per] = unitSuffixesOf(unit);
  if (main !== "" && !words.includes(main)) words.push(per === "" ? main : main.replace(/_$/, ""));
  const perSuffix = per === "per_" ? "" : per.replace(/_$/, "");
  if (perSuffix !== "" && !words.includes(perSuffix)) words.push(perSuffix);
  const suffix = kind === "counter" ? "total" : kind === "gauge" && unit === "1" ? "ratio" : null;
  if (suffix !== null) words = [...words.filter((word) => word !== suffix), suffix];
  const joined = words.join("_");
  if (/^_*$/.test(joined)) return null;
  return /^\d/.test(joined) ? `_${joined}` : joined;
}

/** Null where nothing of the name is left. */
export function labelNameOf(attribute: string): string | null {
  const name = attribute.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  if (name === "" || (name !== attribute && /^_*$/.test(name))) return null;
  if (/^\d/.test(name)) return `key_${name}`;
  return /^_(?!_)/.test(name) ? `key${name}` : name;
}

function unitSuffixesOf(unit: string): readonly [main: string, per: string] {
  const slash = unit.indexOf("/");
  const main = slash < 0 ? unit : unit.slice(0, slash);
  const per = slash < 0 ? "" : plainUnit(unit.slice(slash + 1));
  const word = plainUnit(main);
  return [
    cleanUnit(unitWords.get(word) ?? word),
    per === "" ? "" : cleanUnit(`per_${perWords.get(per) ?? per}`),
  ];
}

/** Without annotations (`{request}`): those are no units. */
function plainUnit(unit: string): string {
  const trimmed = unit.trim();
  return /[{}]/.test(trimmed) ? "" : trimmed;
}

function cleanUnit(unit: string): string {
  return unit
    .replaceAll(/[^a-zA-Z0-9:]/g, "_")
    .replaceAll(/_{2,}/g, "_")
    .replace(/^_/, "");
}
