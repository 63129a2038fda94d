/** The values of a listed reader: what each is read from, when, and into which series its sample goes. */
import type { Device } from "../../../core/catalog/device.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { PatientEntry } from "./patient-round.ts";
import { parseNumber, type ParseBytes, type ParseValue, type ValueFile } from "./value-file.ts";

/** A further series whose sample comes out of the same reading of the file; absent where the value itself is. */
export interface AlsoRead<From = string> {
  readonly declare: (slots: SlotRegistrar) => number;
  readonly parse: (from: From) => number;
}

export interface ValueOptions {
  readonly parse?: ParseValue;
  /** The number in the file is multiplied by the one and divided by the other. */
  readonly multiplier?: number;
  readonly divisor?: number;
  readonly device?: Device;
  /**
   * Changes only when somebody sets it, or along with what is `leading`: it is read with each listing, and between two
   * only in a round in which a leading value differed.
   */
  readonly settled?: boolean;
  readonly leading?: boolean;
  /** Declares a second series that has the same sample under another name. */
  readonly twin?: (slots: SlotRegistrar) => number;
  /** For a reading that is dear and tells more than one thing. */
  readonly also?: readonly AlsoRead[];
}

export interface BytesOptions {
  readonly device?: Device;
  readonly settled?: boolean;
  readonly also?: readonly AlsoRead<Buffer>[];
}

export interface Declared extends PatientEntry {
  readonly declare: (slots: SlotRegistrar) => number;
  /** A fact isn't read again. */
  readonly isFact: boolean;
  readonly options: Pick<ValueOptions, "settled" | "leading" | "twin">;
  slot: number;
  /** -1 where there is none. */
  twinSlot: number;
  readonly also: readonly Also[];
}

interface Also {
  readonly declare: (slots: SlotRegistrar) => number;
  slot: number;
  value: number;
}

/** The declared values by when they are read. */
export interface Agenda {
  readonly leading: readonly Declared[];
  readonly moving: readonly Declared[];
  readonly settled: readonly Declared[];
}

export function makeEntry(
  declare: Declared["declare"],
  file: ValueFile,
  options: ValueOptions,
  isCount: boolean,
): Declared {
  const { parse: own, multiplier = 1, divisor = 1 } = options;
  // What a driver gives for a count that it hasn't got may be below zero.
  const scale = (number: number): number =>
    isCount && number < 0 ? Number.NaN : (number * multiplier) / divisor;
  const also = notReadYet(options.also);
  const parse = also.length > 0 ? parseAll(own ?? parseNumber, also) : own;
  return {
    declare,
    isFact: false,
    options,
    readNow: () => scale(file.readNumber(parse)),
    readApart: async () => scale(await file.readNumberApart(parse)),
    ...unread(),
    also,
  };
}

export function makeBytesEntry(
  declare: Declared["declare"],
  file: ValueFile,
  parseOwn: ParseBytes,
  options: BytesOptions,
): Declared {
  const also = notReadYet(options.also);
  const parse = parseAll(parseOwn, also);
  return {
    declare,
    isFact: false,
    options,
    readNow: () => file.readBytes(parse),
    readApart: () => file.readBytesApart(parse),
    ...unread(),
    also,
  };
}

function notReadYet<From>(also: readonly AlsoRead<From>[] = []): (AlsoRead<From> & Also)[] {
  return also.map((each) => ({ ...each, slot: -1, value: Number.NaN }));
}

function parseAll<From>(
  own: (from: From) => number,
  also: readonly (AlsoRead<From> & Also)[],
): (from: From) => number {
  return (from) => {
    for (const each of also) each.value = each.parse(from);
    return own(from);
  };
}

function unread() {
  return {
    pace: "new" as const,
    slot: -1,
    twinSlot: -1,
    value: Number.NaN,
    also: [] as readonly Also[],
  };
}

/** Its value is asked for when the round is written: after all that was read. */
export function makeFact(declare: Declared["declare"], compute: () => number): Declared {
  return {
    declare,
    isFact: true,
    options: {},
    readNow: compute,
    readApart: () => Promise.resolve(compute()),
    ...unread(),
    get value() {
      return compute();
    },
  };
}

export function agendaOf(declared: readonly Declared[]): Agenda {
  const read = declared.filter(({ isFact }) => !isFact);
  const rest = read.filter(({ options }) => options.leading !== true);
  return {
    leading: read.filter(({ options }) => options.leading === true),
    moving: rest.filter(({ options }) => options.settled !== true),
    settled: rest.filter(({ options }) => options.settled === true),
  };
}

// These run over thousands of entries every second: by index, since an iterator makes an object for each step.

export function readAll({ leading, moving, settled }: Agenda, all: boolean): void {
  const moved = readEach(leading);
  readEach(moving);
  if (all || moved) readEach(settled);
}

/** True when one of them differs from before. */
function readEach(entries: readonly Declared[]): boolean {
  let moved = false;
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index];
    if (entry === undefined) continue;
    const value = entry.readNow();
    if (!Object.is(value, entry.value)) moved = true;
    entry.value = value;
  }
  return moved;
}

export function writeAll(declared: readonly Declared[], column: Float64Array): void {
  for (let index = 0; index < declared.length; index += 1) {
    const entry = declared[index];
    if (entry === undefined) continue;
    column[entry.slot] = entry.value;
    if (entry.twinSlot >= 0) column[entry.twinSlot] = entry.value;
    if (entry.also.length > 0 && !Number.isNaN(entry.value))
      for (const each of entry.also) column[each.slot] = each.value;
  }
}

/** The value and what was read with it, which is worth nothing where the value is absent. */
export function latestOf({ value, also }: Declared): readonly number[] {
  return [value, ...also.map((each) => (Number.isNaN(value) ? Number.NaN : each.value))];
}

/** Which values this round reads: not the settled ones, unless all are due. */
export function dueIn({ leading, moving, settled }: Agenda, all: boolean): readonly Declared[] {
  return [...leading, ...moving, ...(all ? settled : [])];
}
