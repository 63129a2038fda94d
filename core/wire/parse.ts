/**
 * The exposition parser: the pages of one target, scrape after scrape, as columns of numbers. A page that has the lines
 * of the one before is only compared with it and the numbers that changed are read; any other is parsed line by line.
 */
import { WarpwatchError } from "../kit/errors.ts";
import type { ExpositionFormat } from "./exposition-plan.ts";
import { readWithLayout } from "./parse-layout.ts";
import { readPage, type PageReading } from "./parse-page.ts";
import type { DropReason, ParsedExposition, ParserLimits } from "./parsed.ts";

const defaultParserLimits: ParserLimits = {
  bodyBytes: 32 * 1024 * 1024,
  lineBytes: 16 * 1024,
  series: 50_000,
  labels: 64,
  nameBytes: 512,
  labelValueBytes: 4096,
  problems: 20,
};

export interface ExpositionParser {
  /** Throws TARGET_TOO_LARGE for a body over the limit; whatever else is wrong stands in `problems`. */
  parse(body: Buffer, format: ExpositionFormat): ParsedExposition;
  /** Lines that gave no sample since the parser was made. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** Series that went away keep their slots, so that one that comes and goes doesn't change the layout, up to this many. */
const maximumAbsent = 64;

/** A parser for one target. */
export function createExpositionParser(limits: Partial<ParserLimits> = {}): ExpositionParser {
  const bounds = { ...defaultParserLimits, ...limits };
  const dropped: Record<DropReason, number> = {
    malformed: 0,
    duplicate: 0,
    line_too_long: 0,
    label_too_long: 0,
    too_many_labels: 0,
    too_many_series: 0,
  };
  let last: PageReading | null = null;
  let layoutVersion = 0;

  function readAnew(body: Buffer, format: ExpositionFormat): PageReading {
    const reading = readPage(body, format, bounds, last);
    const absent = reading.series.length - reading.samples;
    const crowded = absent > Math.max(maximumAbsent, reading.samples);
    return crowded ? readPage(body, format, bounds, null) : reading;
  }

  return {
    dropped,
    parse(body, format) {
      if (body.length > bounds.bodyBytes)
        throw new WarpwatchError(
          "TARGET_TOO_LARGE",
          `the page has ${body.length} bytes, over the limit of ${bounds.bodyBytes}`,
        );
      if (last === null || !isReadAgain(last, body, format)) {
        const reading = readAnew(body, format);
        if (reading.series !== last?.series) layoutVersion += 1;
        last = reading;
      }
      for (const [reason, count] of last.dropped) dropped[reason] += count;
      const { series, values, timestamps, present, samples, problems, truncated } = last;
      return {
        layoutVersion,
        series,
        values,
        timestamps,
        present,
        samples,
        problems,
        problemCount: last.problemCount,
        truncated,
      };
    },
  };
}

/** Whether the page has the lines of the one before; its numbers are then in the columns. */
function isReadAgain(last: PageReading, body: Buffer, format: ExpositionFormat): boolean {
  if (last.layout.format !== format) return false;
  return readWithLayout(last.layout, body, last.values, last.timestamps);
}
