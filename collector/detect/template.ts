/** The texts of a rule with `{{ label }}`, `{{ value }}`, `{{ value | percent }}` and `{{ value | duration }}` filled in. */

/** What can stand for the number: as it is, a ratio as a percentage, seconds as days to seconds. */
const formats: Readonly<Record<string, (value: number) => string>> = {
  "": formatValue,
  percent: (value) => `${formatValue(value * 100)} %`,
  duration: formatDuration,
};

const placeholder = /\{\{\s*([A-Za-z_]\w*)\s*(?:\|\s*(\w+)\s*)?\}\}/g;

/** A label that the alert lacks becomes an empty text; where no label names the node, its target's address does. */
export function fillTemplate(
  template: string,
  labels: Readonly<Record<string, string>>,
  value: number,
): string {
  return template.replaceAll(placeholder, (_, name: string, format: string | undefined) =>
    name === "value"
      ? (formats[format ?? ""] ?? formatValue)(value)
      : (labels[name] ?? (name === "node" ? labels["instance"] : undefined) ?? ""),
  );
}

/** The placeholders of a template, as `value | percent` or a label's name. */
export function placeholdersOf(template: string): { name: string; format: string }[] {
  return Array.from(template.matchAll(placeholder), (match) => ({
    name: match[1] ?? "",
    format: match[2] ?? "",
  }));
}

export function isTemplateFormat(format: string): boolean {
  return Object.hasOwn(formats, format);
}

/** At most four digits that matter: nobody needs more of a number in a page. */
function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** As Prometheus' `humanizeDuration` writes it, so that a page reads the same whoever sent it: `2d 3h 0m 7s`. */
function formatDuration(seconds: number): string {
  const size = Math.abs(seconds);
  if (!Number.isFinite(seconds) || size < 60) return `${formatValue(seconds)}s`;
  const parts = [
    [Math.floor(size / 86_400), "d"],
    [Math.floor(size / 3600) % 24, "h"],
    [Math.floor(size / 60) % 60, "m"],
    [Math.floor(size) % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const text = parts.slice(first).map(([count, unit]) => `${count}${unit}`);
  return `${seconds < 0 ? "-" : ""}${text.join(" ")}`;
}
