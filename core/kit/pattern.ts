/**
 * Regular expressions as RE2 has them (github.com/google/re2/wiki/Syntax), which is what Prometheus and its exporters read:
 * what JavaScript spells in another way is translated, and what RE2 doesn't know is refused, so that a pattern means here
 * what it means there.
 */
import { setFlagsFromString } from "node:v8";
import { describeError } from "./errors.ts";

const maximumLength = 4096;
/** RE2's own bound on `{n,m}`. */
const maximumRepeats = 1000;

const namedClasses: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7f",
  blank: "\\t ",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

export interface PatternOptions {
  /** It must match the whole text, and `.` matches line breaks too: as Prometheus has it. */
  readonly anchored?: boolean;
}

/** Throws a RangeError that says in one sentence what is wrong. */
export function compilePattern(text: string, { anchored = false }: PatternOptions = {}): RegExp {
  const refuse: Refuse = (why) => {
    throw new RangeError(why);
  };
  if (text.length > maximumLength) refuse(`the pattern is longer than ${maximumLength} characters`);
  const [, flags = "", body = text] = /^\(\?([ims]+)\)(.*)$/s.exec(text) ?? [];
  const source = translate(body, (why) => refuse(`"${text}" ${why}`));
  // RE2 takes time in proportion to the text. This has V8 do the same once it has tried many ways in vain.
  setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
  try {
    // By itself first: a bracket too many must not close the group around it.
    const plain = new RegExp(source, flags);
    if (!anchored) return plain;
    const own = [...new Set(`s${flags}`)].join("");
    return new RegExp(`^(?${own}:${source})$`);
  } catch (error) {
    const reason = describeError(error).replace(/^.*: /, "");
    return refuse(`"${text}" is not a regular expression: ${reason.toLowerCase()}`);
  }
}

type Refuse = (why: string) => never;

/** One construct of RE2 at a time; whatever none of them matches is the same in both. */
const constructs: readonly (readonly [
  RegExp,
  (match: RegExpExecArray, refuse: Refuse) => string,
])[] = [
  [/\\Q(.*?)(?:\\E|$)/sy, ([, literal = ""]) => literal.replaceAll(/[^0-9A-Za-z_\s]/g, "\\$&")],
  [/\\([1-9]|k)/y, (_, refuse) => refuse("has a backreference, which RE2 doesn't know")],
  [/\\[pP]/y, (_, refuse) => refuse("has a Unicode class (\\p), which isn't supported")],
  [/\\A/y, () => "(?-m:^)"],
  [/\\z/y, () => "(?-m:$)"],
  [/\\a/y, () => "\\x07"],
  [/\\x\{0*([0-9A-Fa-f]{1,4})\}/y, ([, digits = ""]) => `\\u${digits.padStart(4, "0")}`],
  [/\\(?:x[0-9A-Fa-f]{2}|[^0-9A-Za-z]|[bBdDfnrsStvwW])/y, ([same]) => same],
  [/\\.?/y, ([escape], refuse) => refuse(`has ${escape}, which RE2 doesn't know`)],
  [/\[(\^?)(\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*)\]/sy, readClass],
  [/\(\?[=!]/y, (_, refuse) => refuse("has a lookahead, which RE2 doesn't know")],
  [/\(\?<[=!]/y, (_, refuse) => refuse("has a lookbehind, which RE2 doesn't know")],
  [/\(\?P?<(\w+)>/y, ([, name = ""]) => `(?<${name}>`],
  [/\(\?(?:[ims]*(?:-[ims]+)?):/y, ([same]) => same],
  [/\(\?/y, (_, refuse) => refuse("has a group of a kind that isn't supported here")],
  [/\{(\d+)(?:,(\d*))?\}/y, readRepeat],
];

function translate(text: string, refuse: Refuse): string {
  let source = "";
  let position = 0;
  while (position < text.length) {
    let length = 1;
    let piece = text[position] ?? "";
    for (const [construct, spell] of constructs) {
      construct.lastIndex = position;
      const match = construct.exec(text);
      if (!match) continue;
      piece = spell(match, refuse);
      length = match[0].length;
      break;
    }
    source += piece;
    position += length;
  }
  return source;
}

function readClass(match: RegExpExecArray, refuse: Refuse): string {
  const [, negation = "", members = ""] = match;
  const inner = members
    .replace(/^\]/, "\\]")
    .replaceAll(/\[:(\^?)(\w+):\]/g, (_, not: string, name: string) => {
      const known = namedClasses[name];
      if (known === undefined || not !== "")
        return refuse(`has [:${not}${name}:], which isn't supported`);
      return known;
    });
  if (/\\[1-9pPQkAz]/.test(inner)) return refuse("has an escape in a class that isn't supported");
  return `[${negation}${inner}]`;
}

function readRepeat(match: RegExpExecArray, refuse: Refuse): string {
  if (Math.max(Number(match[1]), Number(match[2] ?? 0)) > maximumRepeats)
    return refuse(`repeats more than ${maximumRepeats} times`);
  return match[0];
}
