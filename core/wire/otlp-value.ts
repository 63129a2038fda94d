/**
 * An attribute's value as the text of a label, in the way of OpenTelemetry's own conversion to text: what isn't a plain value
 * is JSON, bytes are base64.
 */

export type OtlpValue =
  | string
  | boolean
  | bigint
  | number
  | Buffer
  | null
  | readonly OtlpValue[]
  | { readonly entries: readonly (readonly [name: string, value: OtlpValue])[] };

/** An empty text where there is no value. */
export function formatOtlpValue(value: OtlpValue): string {
  if (typeof value === "string") return value;
  if (value === null) return "";
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (typeof value !== "object") return String(value);
  return JSON.stringify(plain(value));
}

function plain(value: OtlpValue): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(plain);
  return Object.fromEntries(value.entries.map(([name, inner]) => [name, plain(inner)]));
}

function isList(value: object): value is readonly OtlpValue[] {
  return Array.isArray(value);
}
