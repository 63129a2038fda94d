/** Configuration: YAML text → validated, frozen value; every mistake named by file, line and key. */
import { readFileSync } from "node:fs";
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { singleLine, systemCode, WarpwatchError, type ErrorCode } from "./errors.ts";

export interface ConfigIssue {
  readonly code: ErrorCode;
  readonly file: string;
  /** From 1; 0 where the mistake has no line. */
  readonly line: number;
  /** Dotted path: `rules.0.for`. Empty for the whole file. */
  readonly key: string;
  readonly sentence: string;
}

/** Carries every mistake found, one line each. */
export class ConfigError extends WarpwatchError {
  readonly issues: readonly ConfigIssue[];
  constructor(issues: readonly ConfigIssue[]) {
    const first = issues[0];
    super(first?.code ?? "CONFIG_INVALID_VALUE", issues.map(formatIssue).join("; "));
    this.issues = issues;
  }
}

export function formatIssue(issue: ConfigIssue): string {
  const place = issue.line > 0 ? `${issue.file}:${issue.line}` : issue.file;
  return issue.key === ""
    ? `${place}: ${issue.sentence}`
    : `${place}: ${issue.key}: ${issue.sentence}`;
}

const maximumBytes = 4 * 1024 * 1024;

/** Reads and validates a YAML or JSON file. Throws {@link ConfigError}. */
export function loadConfigFile<Output>(file: string, schema: z.ZodType<Output>): Output {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const sentence = `can't be read (${systemCode(cause) || "unknown reason"})`;
    throw new ConfigError([{ code: "CONFIG_UNREADABLE", file, line: 0, key: "", sentence }]);
  }
  return parseConfig(text, file, schema);
}

/** Validates YAML text against a schema; the result is deep-frozen. Throws {@link ConfigError}. */
export function parseConfig<Output>(text: string, file: string, schema: z.ZodType<Output>): Output {
  const issue = (code: ErrorCode, line: number, key: string, sentence: string): ConfigIssue => ({
    code,
    file,
    line,
    key,
    sentence: singleLine(sentence),
  });
  if (text.length > maximumBytes)
    throw new ConfigError([issue("CONFIG_INVALID_VALUE", 0, "", `is over ${maximumBytes} bytes`)]);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
  });
  if (document.errors.length > 0)
    throw new ConfigError(
      document.errors.map((e) =>
        issue(
          "CONFIG_SYNTAX",
          lines.linePos(e.pos[0]).line,
          "",
          e.message.split("\n")[0] ?? e.code,
        ),
      ),
    );
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (thrown) {
    throw new ConfigError([
      issue("CONFIG_SYNTAX", 0, "", thrown instanceof Error ? thrown.message : "bad alias"),
    ]);
  }
  const result = schema.safeParse(value);
  if (result.success) return deepFreeze(result.data);
  throw new ConfigError(
    result.error.issues.flatMap((found) =>
      (found.code === "unrecognized_keys"
        ? found.keys.map((key) => [...found.path, key])
        : [found.path]
      ).map((path) =>
        issue(
          found.code === "unrecognized_keys" ? "CONFIG_UNKNOWN_KEY" : "CONFIG_INVALID_VALUE",
          lineOf(document, lines, path),
          path.join("."),
          found.code === "unrecognized_keys" ? "is not a setting" : found.message,
        ),
      ),
    ),
  );
}

/** The line of the deepest node on the path that exists; 0 for an empty document. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  let line = 0;
  let node: unknown = document.contents;
  const mark = (candidate: unknown): void => {
    if (isNode(candidate) && candidate.range) line = lines.linePos(candidate.range[0]).line;
  };
  mark(node);
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (!pair) return line;
      mark(pair.key);
      node = pair.value;
    } else {
      node =
        isNode(node) && "get" in node && typeof node.get === "function"
          ? node.get(step, true)
          : undefined;
      mark(node);
    }
  }
  return line;
}

/** A schema for durations: the configuration says `15s`, the program gets milliseconds. */
export const durationSchema = z.string().transform((text, context) => {
  const milliseconds = parseDuration(text);
  if (milliseconds !== null) return milliseconds;
  context.addIssue({
    code: "custom",
    message: `"${text}" is not a duration; write it as 15s, 1m30s or 2h`,
  });
  return z.NEVER;
});

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
