/** Signatures of D-Bus types, by the D-Bus Specification's "Type System": `a(so)` is an array of structs of a text and a path. */
import { WarpwatchError } from "../../core/kit/errors.ts";

export interface BusType {
  /** A letter of the specification; `(` is a struct, `{` an entry of a dictionary. */
  readonly code: string;
  /** Of an array, a struct or an entry. */
  readonly inner: readonly BusType[];
}

const basicCodes = "ybnqiuxtdsogh";
/** The specification's bounds. */
const maximumLength = 255;
export const maximumDepth = 64;

const known = new Map<string, readonly BusType[]>();
/** Signatures come from outside: no more than these are remembered. */
const maximumKnown = 200;

/** Throws MESSAGE_MALFORMED for what isn't a signature. */
export function parseSignature(text: string): readonly BusType[] {
  const remembered = known.get(text);
  if (remembered) return remembered;
  if (text.length > maximumLength) throw malformed(text.slice(0, maximumLength));
  const cursor = { text, position: 0 };
  const types: BusType[] = [];
  while (cursor.position < text.length) types.push(readType(cursor, 0));
  if (known.size < maximumKnown) known.set(text, types);
  return types;
}

/** What a type's values begin at a multiple of, in bytes. */
export function alignmentOf({ code }: BusType): number {
  if ("ygv".includes(code)) return 1;
  if ("nq".includes(code)) return 2;
  return "xtd({".includes(code) ? 8 : 4;
}

interface Cursor {
  readonly text: string;
  position: number;
}

function readType(cursor: Cursor, depth: number): BusType {
  const { text } = cursor;
  if (depth > maximumDepth) throw malformed(text);
  const code = text[cursor.position] ?? "";
  cursor.position += 1;
  if (code === "v" || (code !== "" && basicCodes.includes(code))) return { code, inner: [] };
  if (code === "a") {
    if (text[cursor.position] !== "{") return { code, inner: [readType(cursor, depth + 1)] };
    cursor.position += 1;
    const entry = { code: "{", inner: readUntil(cursor, "}", depth) };
    if (entry.inner.length !== 2 || !basicCodes.includes(entry.inner[0]?.code ?? "("))
      throw malformed(text);
    return { code, inner: [entry] };
  }
  if (code !== "(") throw malformed(text);
  const inner = readUntil(cursor, ")", depth);
  // A struct of nothing has no bytes: an array could hold any number of them.
  if (inner.length === 0) throw malformed(text);
  return { code, inner };
}

function readUntil(cursor: Cursor, end: string, depth: number): BusType[] {
  const inner: BusType[] = [];
  while (cursor.text[cursor.position] !== end) inner.push(readType(cursor, depth + 1));
  cursor.position += 1;
  return inner;
}

function malformed(text: string): WarpwatchError {
  return new WarpwatchError("MESSAGE_MALFORMED", `"${text}" is not a signature of D-Bus types`);
}
