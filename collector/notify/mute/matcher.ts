/** Matchers on labels as Alertmanager has them: a regular expression must match the whole value, and a label that isn't there is empty. */
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import { compilePattern } from "../../../core/kit/pattern.ts";
import type { SilenceMatcher } from "../../state/silences.ts";

export type Labels = Readonly<Record<string, string>>;

export interface MatcherSet {
  readonly matches: (labels: Labels) => boolean;
  /** Labels that must have exactly this value: what an index is made of. */
  readonly plain: readonly (readonly [name: string, value: string])[];
}

export const maximumMatchers = 32;
const maximumTextLength = 4096;
const matcherText =
  /^\s*([^\s=!~"{},]+)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s{},][^"]*?)?)\s*$/s;

/** Throws QUERY_INVALID with one sentence. */
export function compileMatchers(matchers: readonly SilenceMatcher[]): MatcherSet {
  if (matchers.length > maximumMatchers) throw invalid(`has more than ${maximumMatchers} matchers`);
  const tests = matchers.map((matcher) => ({ name: matcher.name, test: compileOne(matcher) }));
  return {
    matches: (labels) => tests.every(({ name, test }) => test(valueOf(labels, name))),
    plain: matchers
      .filter(({ isRegex, isEqual, value }) => !isRegex && isEqual && value !== "")
      .map(({ name, value }) => [name, value] as const),
  };
}

/** Whether an alert without any label would match: then every alert might. */
export function matchesNothingNamed(matchers: readonly SilenceMatcher[]): boolean {
  return compileMatchers(matchers).matches({});
}

/** `node=~"gpu-.*"`, as amtool and Alertmanager's configuration write it. Throws QUERY_INVALID. */
export function parseMatcher(text: string): SilenceMatcher {
  const [, name, operator = "", quoted, bare] = matcherText.exec(text) ?? [];
  if (name === undefined)
    throw invalid(`"${text}" is not a matcher; write it as node="gpu-07" or node=~"gpu-.*"`);
  const value = quoted === undefined ? (bare ?? "") : unquote(quoted);
  const matcher = {
    name,
    value,
    isRegex: operator.endsWith("~"),
    isEqual: !operator.startsWith("!"),
  };
  compileOne(matcher);
  return matcher;
}

export function formatMatcher({ name, value, isRegex, isEqual }: SilenceMatcher): string {
  const operator = isRegex ? (isEqual ? "=~" : "!~") : isEqual ? "=" : "!=";
  return `${name}${operator}${JSON.stringify(value)}`;
}

/** Sorted, so that two sets that mean the same read the same. */
export function formatMatchers(matchers: readonly SilenceMatcher[]): string {
  return `{${matchers.map(formatMatcher).toSorted().join(",")}}`;
}

function compileOne({ name, value, isRegex, isEqual }: SilenceMatcher): (value: string) => boolean {
  if (name === "" || name.length > maximumTextLength) throw invalid("a matcher has no name");
  if (value.length > maximumTextLength)
    throw invalid(`the value of ${name} is over ${maximumTextLength} characters`);
  if (!isRegex) return (found) => (found === value) === isEqual;
  const pattern = compileExpression(name, value);
  return (found) => pattern.test(found) === isEqual;
}

function compileExpression(name: string, value: string): RegExp {
  try {
    return compilePattern(value, { anchored: true });
  } catch (cause) {
    throw invalid(`${name}: ${describeError(cause)}`, cause);
  }
}

function valueOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? "") : "";
}

function unquote(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}

function invalid(sentence: string, cause?: unknown): WarpwatchError {
  return new WarpwatchError("QUERY_INVALID", sentence, { cause });
}
