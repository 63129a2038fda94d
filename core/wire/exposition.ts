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

const newline = 0x0a;
const endOfFile = Buffer.from("# EOF\n");

export function createExposition(): Exposition {
  const plans = new WeakMap<Schema, Map<ExpositionFormat, ExpositionPlan>>();
  let target = Buffer.allocUnsafeSlow(16_384);
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
      if (target.length < most) target = Buffer.allocUnsafeSlow(most + (most >> 3));
      let offset = 0;
      for (const family of plan.families) offset = writeFamily(target, offset, plan, family, frame);
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
  plan: ExpositionPlan,
  family: PlannedFamily,
  frame: Frame,
): number {
  const { slots, starts, prefixes } = plan;
  const { values, present } = frame;
  let offset = start;
  for (let line = family.first; line < family.end; line += 1) {
    const slot = slots[line] ?? 0;
    if (!isPresent(present, slot)) continue;
    if (offset === start) {
      target.set(family.header, offset);
      offset += family.header.length;
    }
    const end = starts[line + 1] ?? 0;
    offset += prefixes.copy(target, offset, starts[line] ?? 0, end);
    offset = writeNumber(target, offset, values[slot] ?? 0);
    target[offset] = newline;
    offset += 1;
  }
  return offset;
}

function boundBytes(plan: ExpositionPlan): number {
  const headers = plan.families.reduce((sum, family) => sum + family.header.length, 0);
  return headers + plan.prefixes.length + plan.slots.length * (maximumNumberBytes + 1);
}

function withoutEnd(text: string): string {
  const trimmed = text.replace(/# EOF\n?$/, "");
  return trimmed === "" || trimmed.endsWith("\n") ? trimmed : `${trimmed}\n`;
}
