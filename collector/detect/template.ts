/** The texts of a rule with `{{ label }}`, `{{ value }}` and `{{ value | percent }}` filled in. */

/** What can stand for the number: as it is, or a ratio as a percentage. */
const formats: Readonly<Record<string, (value: number) => string>> = {
  "": formatValue,
  percent: (value) => `${formatValue(value * 100)} %`,
};

const placeholder = /\{\{\s*([A-Za-z_]\w*)\s*(?:\|\s*(\w+)\s*)?\}\}/g;

/** A label that the alert lacks becomes an empty text. */
export function fillTemplate(
  template: string,
  labels: Readonly<Record<string, string>>,
  value: number,
): string {
  return template.replaceAll(placeholder, (_, name: string, format: string | undefined) =>
    name === "value" ? (formats[format ?? ""] ?? formatValue)(value) : (labels[name] ?? ""),
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
