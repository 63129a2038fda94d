/**
 * Reads the XML that programs print: elements, attributes and text, nothing else of XML 1.0. Forgiving where nvidia-smi
 * is careless: a `<` or `&` that isn't markup is text, and an element that was not closed ends with what holds it.
 */
import { WarpwatchError } from "../../../core/kit/errors.ts";

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** What stands between its tags, without the children's. */
  readonly text: string;
}

/** `nvidia-smi -q -x` prints 27 kB for a GPU, at a depth of seven. */
export const maximumXmlCharacters = 8 * 1024 * 1024;
const maximumDepth = 32;
const maximumElements = 200_000;

interface OpenElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

/** No comments: the name of a process that looks like one would hide what follows it. */
const markup =
  /<\?[^<>]*\?>|<![A-Za-z][^<>]*>|<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g;

/** Throws PROGRAM_FAILED; `program` is who printed it. */
export function readXml(text: string, program: string): XmlElement {
  const fail = (what: string): never => {
    throw new WarpwatchError("PROGRAM_FAILED", `${program}'s XML ${what}`);
  };
  if (text.length > maximumXmlCharacters) fail(`has more than ${maximumXmlCharacters} characters`);
  const root: OpenElement = { name: "", attributes: {}, children: [], text: "" };
  const open: OpenElement[] = [root];
  let elements = 0;
  let position = 0;

  for (const match of text.matchAll(markup)) {
    const inner = open.at(-1) ?? root;
    inner.text += decode(text.slice(position, match.index));
    position = match.index + match[0].length;
    const [, slash, name, attributes = "", selfClosing] = match;
    if (name === undefined) continue;
    if (slash === "/") {
      close(open, name);
      continue;
    }
    elements += 1;
    if (elements > maximumElements) fail(`has more than ${maximumElements} elements`);
    const element = { name, attributes: readAttributes(attributes), children: [], text: "" };
    inner.children.push(element);
    if (selfClosing !== "/") open.push(element);
    if (open.length > maximumDepth) fail(`is more than ${maximumDepth} elements deep`);
  }
  const [only] = root.children;
  if (!only) return fail("holds no element");
  return open.length > 1 ? fail(`breaks off inside of ${open.at(-1)?.name}`) : only;
}

/** The first child of this name, and its child, and so on. */
export function childAt(element: XmlElement, path: string): XmlElement | undefined {
  let found: XmlElement | undefined = element;
  for (const name of path.split("/")) found = found?.children.find((child) => child.name === name);
  return found;
}

/** Calls back with every element that holds no other, by its path; `element` itself isn't part of it. */
export function walkLeaves(
  element: XmlElement,
  tell: (path: string, text: string) => void,
  prefix = "",
): void {
  for (const child of element.children) {
    const path = prefix === "" ? child.name : `${prefix}/${child.name}`;
    if (child.children.length === 0) tell(path, child.text.trim());
    else walkLeaves(child, tell, path);
  }
}

/** The end of an element that nobody opened is text gone astray. */
function close(open: OpenElement[], name: string): void {
  const index = open.findLastIndex((element) => element.name === name);
  if (index > 0) open.length = index;
}

function readAttributes(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)];
  return Object.fromEntries(
    pairs.map(([, name = "", double, single = ""]) => [name, decode(double ?? single)]),
  );
}

const named: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,4}));/gi, (whole, ...parts) => {
    const [decimal, hexadecimal, name] = parts as (string | undefined)[];
    if (name !== undefined) return named[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hexadecimal ?? "", 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
