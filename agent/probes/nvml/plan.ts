/** What is read of one device, settled when it's described: what it doesn't support is left out and not asked again. */
import { fieldValueTypes, layouts, readNumber } from "./layouts.ts";
import type { Field } from "./fields.ts";
import type { NvmlArgument, NvmlLibrary } from "./library.ts";
import type { Attempt, Reading, ReadingGroup, ValueAt } from "./readings.ts";
import { outcomeOf, returnCodes } from "./return-codes.ts";

export interface Plan {
  /** What each value of an answer is, in order. */
  readonly keys: readonly string[];
  /** Writes this moment's values from `position` on. Returns SUCCESS, or the code that ends the device's round. */
  read(column: Float64Array, position: number): number;
}

/** A call with the bytes it fills, ready to be made. */
interface Prepared {
  readonly attempt: Attempt;
  readonly values: readonly NvmlArgument[];
  readonly answers: readonly DataView[];
}

export function createPlan(
  library: NvmlLibrary,
  handle: number,
  group: ReadingGroup,
  readings: readonly Reading[],
  fields: readonly Field[],
): Plan {
  const calls = readings
    .filter((reading) => reading.group === group)
    .flatMap(({ attempts }) => settle(library, handle, attempts));
  const batch = createBatch(
    library,
    handle,
    fields.filter((field) => field.group === group),
  );
  const keys = [
    ...batch.keys,
    ...calls.flatMap(({ attempt }) => attempt.values.map(({ key }) => key)),
  ];
  return {
    keys,
    read(column, position) {
      const code = batch.read(column, position);
      if (endsRound(code)) return code;
      return readCalls(library, handle, calls, column, position + batch.keys.length);
    },
  };
}

/** Every call of these readings on a thread; nothing of their answers is kept. */
export async function testCalls(
  library: NvmlLibrary,
  handle: number,
  readings: readonly Reading[],
  fields: readonly Field[],
): Promise<number> {
  const { bytes } = fill(fields);
  const codes = [await library.callAside("nvmlDeviceGetFieldValues", handle, fields.length, bytes)];
  for (const { attempts } of readings)
    for (const attempt of attempts)
      codes.push(await library.callAside(attempt.call, handle, ...prepare(attempt).values));
  return codes.find((code) => endsRound(code)) ?? returnCodes.success;
}

/** Lost, in need of a reset, or the library closed: nothing else of this device will answer. */
export function endsRound(code: number): boolean {
  return ["lost", "reset", "closed"].includes(outcomeOf(code));
}

/** The first of the attempts that the device supports; none where it supports none. */
function settle(library: NvmlLibrary, handle: number, attempts: readonly Attempt[]): Prepared[] {
  for (const attempt of attempts) {
    const prepared = prepare(attempt);
    const outcome = outcomeOf(makeCall(library, handle, prepared));
    if (outcome !== "absent" && outcome !== "permission") return [prepared];
  }
  return [];
}

function prepare(attempt: Attempt): Prepared {
  const answers: DataView[] = [];
  const values = attempt.passed.map((passed) => {
    if (typeof passed === "number") return passed;
    const bytes = Buffer.alloc(passed.bytes);
    const view = viewOf(bytes);
    if (passed.version !== undefined) view.setUint32(0, passed.version, true);
    answers.push(view);
    return bytes;
  });
  return { attempt, values, answers };
}

function makeCall(library: NvmlLibrary, handle: number, prepared: Prepared): number {
  return library.call(prepared.attempt.call, handle, ...prepared.values);
}

function readCalls(
  library: NvmlLibrary,
  handle: number,
  calls: readonly Prepared[],
  column: Float64Array,
  start: number,
): number {
  let position = start;
  for (const prepared of calls) {
    const code = makeCall(library, handle, prepared);
    if (endsRound(code)) return code;
    for (const value of prepared.attempt.values) {
      if (code === returnCodes.success) column[position] = valueIn(prepared.answers, value);
      position += 1;
    }
  }
  return returnCodes.success;
}

function valueIn(answers: readonly DataView[], { answer, offset, type }: ValueAt): number {
  const view = answers[answer];
  return view ? readNumber(view, offset, type) : Number.NaN;
}

/** Fields of one device in one call: what the first call finds unsupported is no part of the later ones. */
function createBatch(library: NvmlLibrary, handle: number, wanted: readonly Field[]): Plan {
  const { bytes: stride, at } = layouts.fieldValue;
  const first = fill(wanted);
  if (wanted.length > 0)
    library.call("nvmlDeviceGetFieldValues", handle, wanted.length, first.bytes);
  const fields = wanted.filter((_, index) => isSupported(first.view, index * stride));
  const { bytes, view } = fill(fields);
  return {
    keys: fields.map(({ key }) => key),
    read(column, position) {
      if (fields.length === 0) return returnCodes.success;
      const code = library.call("nvmlDeviceGetFieldValues", handle, fields.length, bytes);
      if (code !== returnCodes.success) return code;
      for (let index = 0; index < fields.length; index += 1) {
        const start = index * stride;
        if (view.getInt32(start + at.nvmlReturn, true) === returnCodes.success)
          column[position + index] = fieldValueAt(view, start);
      }
      return code;
    },
  };
}

function fill(fields: readonly Field[]): { bytes: Buffer; view: DataView } {
  const { bytes: stride, at } = layouts.fieldValue;
  const bytes = Buffer.alloc(fields.length * stride);
  const view = viewOf(bytes);
  fields.forEach(({ id, scope }, index) => {
    view.setUint32(index * stride + at.fieldId, id, true);
    view.setUint32(index * stride + at.scopeId, scope, true);
    // What a call that fails as a whole leaves untouched isn't taken for supported.
    view.setInt32(index * stride + at.nvmlReturn, returnCodes.notSupported, true);
  });
  return { bytes, view };
}

function isSupported(view: DataView, start: number): boolean {
  const outcome = outcomeOf(view.getInt32(start + layouts.fieldValue.at.nvmlReturn, true));
  return outcome !== "absent" && outcome !== "permission";
}

function fieldValueAt(view: DataView, start: number): number {
  const { valueType, value } = layouts.fieldValue.at;
  const type = fieldValueTypes[view.getUint32(start + valueType, true)];
  return type === undefined ? Number.NaN : readNumber(view, start + value, type);
}

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
