/** The exposition writer: a frame as Prometheus text 0.0.4 or OpenMetrics 1.0.0, written straight into one buffer that is used again. */
import {
  planExposition,
  type ExpositionFormat,
  type ExpositionPlan,
  type PlannedFamily,
} from "./exposition-plan.ts";
import { isPresent, type Frame, type Schema } from "./frame.ts";
import { maximumNumberBytes, writeNumber } from "./number-format.ts";

export type { ExpositionFormat } from "./exposition-plan.ts";

/**
 * What the last render of a plan left in the buffer. Most lines stay where they were and many say the same: their bytes
 * are there already.
 */
interface Written {
  readonly plan: ExpositionPlan;
  /** Per family: where its header began, or -1. */
  readonly headers: Int32Array;
  /** Per line: where it began, or -1; how long it was; and the number it showed. */
  readonly offsets: Int32Array;
  readonly lengths: Uint32Array;
  readonly numbers: Float64Array;
}

interface RenderOptions {
  /** Whole families in the same format, put behind the frame's own; a `# EOF` at its end is taken off. */
  readonly append?: string;
}

export interface Exposition {
  /**
   * The body, `# EOF` included where the format wants it. Its memory is used again by the next `render`:
   * send it or copy it before.
   */
  render(frame: Frame, format: ExpositionFormat, options?: RenderOptions): Buffer;
  /** Series of the schema rendered last that can't be exposed: a name outside the alphabet, or a repetition. */
  readonly skipped: number;
}

const noFamily: PlannedFamily = { header: new Uint8Array(0), first: 0, end: 0 };
const newline = 0x0a;
const endOfFile = Buffer.from("# EOF\n");

export function createExposition(): Exposition {
  const plans = new WeakMap<Schema, Map<ExpositionFormat, ExpositionPlan>>();
  let target = Buffer.allocUnsafeSlow(16_384);
  let written: Written | null = null;
  let skipped = 0;

  function planOf(schema: Schema, format: ExpositionFormat): ExpositionPlan {
    let formats = plans.get(schema);
    if (!formats) plans.set(schema, (formats = new Map()));
    let plan = formats.get(format);
    if (!plan) formats.set(format, (plan = planExposition(schema, format)));
    return plan;
  }

  return {
    get skipped() {
      return skipped;
    },
    render(frame, format, options = {}) {
      const plan = planOf(frame.schema, format);
      skipped = plan.skipped;
      const appended = Buffer.from(withoutEnd(options.append ?? ""));
      const most = boundBytes(plan) + appended.length + endOfFile.length;
      if (target.length < most) {
        target = Buffer.allocUnsafeSlow(most + (most >> 3));
        written = null;
      }
      if (written?.plan !== plan) written = nothingWritten(plan);
      let offset = 0;
      for (let family = 0; family < plan.families.length; family += 1)
        offset = writeFamily(target, offset, written, family, frame);
      target.set(appended, offset);
      offset += appended.length;
      if (format === "openmetrics") {
        target.set(endOfFile, offset);
        offset += endOfFile.length;
      }
      return target.subarray(0, offset);
    },
  };
}

/** Writes the lines of the family that are present; the header only if there is one. */
function writeFamily(
  target: Buffer,
  start: number,
  written: Written,
  index: number,
  frame: Frame,
): number {
  const { families, slots, starts, prefixes } = written.plan;
  const { headers, offsets, lengths, numbers } = written;
  const { values, present } = frame;
  const family = families[index] ?? noFamily;
  let offset = start;
  for (let line = family.first; line < family.end; line += 1) {
    const slot = slots[line] ?? 0;
    if (!isPresent(present, slot)) {
      offsets[line] = -1;
      continue;
    }
    if (offset === start) {
      if (headers[index] !== start) target.set(family.header, start);
      headers[index] = start;
      offset += family.header.length;
    }
    const number = values[slot] ?? 0;
    if (offsets[line] !== offset)
      prefixes.copy(target, offset, starts[line] ?? 0, starts[line + 1]);
    else if (Object.is(numbers[line], number)) {
      offset += lengths[line] ?? 0;
      continue;
    }
    const prefixEnd = offset + (starts[line + 1] ?? 0) - (starts[line] ?? 0);
    const end = writeNumber(target, prefixEnd, number);
    target[end] = newline;
    offsets[line] = offset;
    lengths[line] = end + 1 - offset;
    numbers[line] = number;
    offset = end + 1;
  }
  if (offset === start) headers[index] = -1;
  return offset;
}

function nothingWritten(plan: ExpositionPlan): Written {
  const { length } = plan.slots;
  return {
    plan,
    headers: new Int32Array(plan.families.length).fill(-1),
    offsets: new Int32Array(length).fill(-1),
    lengths: new Uint32Array(length),
    numbers: new Float64Array(length),
  };
}

function boundBytes(plan: ExpositionPlan): number {
  const headers = plan.families.reduce((sum, family) => sum + family.header.length, 0);
  return headers + plan.prefixes.length + plan.slots.length * (maximumNumberBytes + 1);
}

function withoutEnd(text: string): string {
  const trimmed = text.replace(/# EOF\n?$/, "");
  return trimmed === "" || trimmed.endsWith("\n") ? trimmed : `${trimmed}\n`;
}
