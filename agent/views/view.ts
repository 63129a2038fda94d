/** The contract of a view: the part of the frame that another exporter would serve, for scrape configurations that can't change. */
import type { ExpositionFormat } from "../../core/wire/exposition.ts";
import { setPresent, type Frame, type Schema, type Series } from "../../core/wire/frame.ts";
import type { Answer } from "../listener.ts";

/** What one request sees. */
export interface Selection {
  /** The same for requests that see the same. */
  readonly key: string;
  accepts(series: Series, source: string): boolean;
  /** What the original says of itself, as whole families. */
  own(format: ExpositionFormat): Promise<string>;
}

export interface View {
  /** Of the original, as the flag `--compat.<name>` has it: `node-exporter`. */
  readonly name: string;
  /** Of an original that has the text format alone and doesn't negotiate. */
  readonly contentType?: string;
  /** Pages of the original beside its metrics, by path. */
  readonly answers?: ReadonlyMap<string, Answer>;
  /** Reads the query as the original does; a sentence where it asks for what there isn't. */
  select(query: URLSearchParams): Selection | string;
}

/** Clears the bits of what isn't accepted; decides anew only when the list of series changes. */
export function createMask(accepts: Selection["accepts"]): (frame: Frame) => Frame {
  let schema: Schema | null = null;
  let kept = new Uint8Array(0);
  return (frame) => {
    if (schema !== frame.schema) {
      schema = frame.schema;
      kept = keptBits(schema, accepts);
    }
    return { ...frame, present: frame.present.map((byte, index) => byte & (kept[index] ?? 0)) };
  };
}

function keptBits(schema: Schema, accepts: Selection["accepts"]): Uint8Array<ArrayBuffer> {
  const kept = new Uint8Array(Math.ceil(schema.series.length / 8));
  for (const { source, first, length } of schema.groups)
    for (let slot = first; slot < first + length; slot += 1) {
      const series = schema.series[slot];
      if (series && accepts(series, source)) setPresent(kept, slot);
    }
  return kept;
}
