/** Content negotiation of a metrics page: which format and coding to answer with. Truth: RFC 9110 section 12.5 and what Prometheus 2 and 3 send. */
import type { ExpositionFormat } from "./exposition-plan.ts";

export interface NegotiatedFormat {
  readonly format: ExpositionFormat;
  /** The exact Content-Type to answer with. */
  readonly contentType: string;
}

export type ContentCoding = "gzip" | "identity";

interface Preference {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const formats: readonly (NegotiatedFormat & { readonly type: string; readonly version: string })[] =
  [
    {
      format: "text",
      type: "text/plain",
      version: "0.0.4",
      contentType: "text/plain; version=0.0.4; charset=utf-8",
    },
    {
      format: "openmetrics",
      type: "application/openmetrics-text",
      version: "1.0.0",
      contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    },
  ];

/** Longer headers are read up to here. */
const maximumHeaderCharacters = 4096;

export function contentTypeOf(format: ExpositionFormat): string {
  return formats.find((candidate) => candidate.format === format)?.contentType ?? "text/plain";
}

/** Text where the header is missing or names neither format: a scraper that asks for something else reads it all the same. */
export function negotiateFormat(accept: string | undefined): NegotiatedFormat {
  const ranges = parsePreferences(accept);
  let best = { format: "text" as ExpositionFormat, quality: 0, position: -1 };
  for (const { format, type, version } of formats) {
    const match = mostSpecific(ranges, type, version);
    if (match === null || match.quality === 0) continue;
    const earlier = match.quality === best.quality && match.position < best.position;
    if (match.quality > best.quality || earlier) best = { format, ...match };
  }
  return { format: best.format, contentType: contentTypeOf(best.format) };
}

/** Gzip where the client takes it and doesn't like the plain body better. */
export function negotiateCoding(acceptEncoding: string | undefined): ContentCoding {
  const codings = parsePreferences(acceptEncoding);
  const qualityOf = (...names: string[]): number | undefined =>
    codings.find((coding) => names.includes(coding.name))?.quality;
  const gzip = qualityOf("gzip", "x-gzip") ?? qualityOf("*") ?? 0;
  return gzip > 0 && gzip >= (qualityOf("identity") ?? 0) ? "gzip" : "identity";
}

/** The quality of the range that names the type most exactly, and where it stands in the header. */
function mostSpecific(
  ranges: readonly Preference[],
  type: string,
  version: string,
): { quality: number; position: number } | null {
  let specificity = 0;
  let found: { quality: number; position: number } | null = null;
  ranges.forEach((range, position) => {
    const asked = range.parameters.get("version");
    if (asked !== undefined && asked !== version) return;
    const exact = range.name === type ? (asked === undefined ? 3 : 4) : 0;
    const wild = range.name === `${type.split("/")[0]}/*` ? 2 : range.name === "*/*" ? 1 : 0;
    const rank = Math.max(exact, wild);
    if (rank <= specificity) return;
    specificity = rank;
    found = { quality: range.quality, position };
  });
  return found;
}

/** `name;key=value;q=0.5, name` … ; an entry whose quality can't be read counts as 0. */
function parsePreferences(header: string | undefined): Preference[] {
  const entries = (header ?? "").slice(0, maximumHeaderCharacters).toLowerCase().split(",");
  return entries.flatMap((entry) => {
    const [name = "", ...rest] = entry.split(";").map((part) => part.trim());
    if (name === "") return [];
    const parameters = new Map<string, string>();
    for (const part of rest) {
      const equals = part.indexOf("=");
      if (equals < 1) continue;
      const value = part.slice(equals + 1).trim();
      parameters.set(part.slice(0, equals).trim(), value.replace(/^"(.*)"$/, "$1"));
    }
    return [{ name, parameters, quality: parseQuality(parameters.get("q")) }];
  });
}

function parseQuality(text: string | undefined): number {
  if (text === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
