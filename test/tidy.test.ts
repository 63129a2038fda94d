/** The repository's own rules, as STYLE.md gives them; what the linter can hold is in .oxlintrc.json instead. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { allMetrics } from "../core/catalog/index.ts";
import {
  lineAt,
  listFiles,
  parseSource,
  readSource,
  repositoryRoot,
  walk,
  type SourceFile,
  type SyntaxNode,
} from "./kit/sources.ts";

const maximumFunctionLines = 70;

/** Words that say less than the word they stand for. */
const betterWords: Readonly<Record<string, string>> = {
  arr: "what the list holds",
  buf: "buffer",
  cb: "callback",
  cfg: "config",
  cnt: "count",
  conn: "connection",
  ctx: "context",
  desc: "description",
  dest: "destination",
  dev: "device",
  dir: "folder",
  elem: "element",
  err: "error or cause",
  evt: "event",
  fn: "what the function does",
  idx: "index",
  len: "length",
  mgr: "what it does",
  msg: "message",
  num: "number or count",
  obj: "what it is",
  param: "parameter",
  params: "parameters",
  pkt: "packet",
  prev: "previous",
  proc: "process",
  ptr: "pointer",
  req: "request",
  res: "response or result",
  ret: "result",
  sess: "session",
  sig: "signal",
  str: "text",
  temp: "temporary or temperature",
  tmp: "temporary",
  util: "utilization",
  utils: "what they are for",
  val: "value",
};

const sources = listFiles(".ts").map(readSource);
const authored = sources.filter(({ path }) => !path.endsWith(".test.ts"));
const shipped = authored.filter(({ path }) => !/^(test|scripts)\//.test(path));

describe("every source file", () => {
  it("opens with one sentence that says what it is", () => {
    const without = authored
      .filter(({ path }) => !path.endsWith(".config.ts"))
      .filter(({ text }) => !/^\/\*\* ?[^]*?\.\s*\*\//.test(text))
      .map(({ path }) => path);
    expect(without).toEqual([]);
  });

  it("has no function with more lines of its own than fit on a screen", () => {
    expect(authored.flatMap(longFunctions)).toEqual([]);
  });

  it("names things in whole words", () => {
    expect(sources.flatMap(shortenedNames)).toEqual([]);
  });

  it("takes the time from a clock that was handed in", () => {
    const clocks = new Set(["core/kit/log.ts", "core/kit/clock.ts"]);
    const found = shipped.filter(({ path }) => !clocks.has(path)).flatMap(bareDates);
    expect(found).toEqual([]);
  });

  it("spells no metric's name outside the catalogue", () => {
    const names = new Set(allMetrics().flatMap((entry) => ("name" in entry ? [entry.name] : [])));
    const found = shipped
      .filter(({ path }) => !path.startsWith("core/catalog/"))
      .flatMap((source) => literals(source, (text) => names.has(text) && text !== "up"));
    expect(found).toEqual([]);
  });
});

describe("every test file", () => {
  const tests = sources.filter(({ path }) => path.endsWith(".test.ts"));

  it("stands where its subject stands", () => {
    const lost = tests
      .map(({ path }) => path)
      .filter((path) => /^test\/(agent|alerts|cli|collector|core|simulator|scripts)\//.test(path))
      .filter((path) => {
        const subject = join(repositoryRoot, path.slice("test/".length, -".test.ts".length));
        return !existsSync(`${subject}.ts`) && !existsSync(subject) && !existsSync(`${subject}.js`);
      });
    expect(lost).toEqual([]);
  });

  it("uses our own modules and never a mock of them", () => {
    const mocking = tests
      .filter(({ text }) => /\bvi\.(do)?mock\(\s*["'`]\./i.test(text))
      .map(({ path }) => path);
    expect(mocking).toEqual([]);
  });

  it("has a name and not a number", () => {
    expect(tests.map(({ path }) => path).filter((path) => /\d\.test\.ts$/.test(path))).toEqual([]);
  });
});

describe("every page", () => {
  const pages = listFiles(".md");

  it("can be reached from README.md or ARCHITECTURE.md", () => {
    const reached = new Set(["README.md", "ARCHITECTURE.md"]);
    for (const page of reached) for (const link of linksOf(page)) reached.add(link);
    expect(pages.filter((page) => !reached.has(page))).toEqual([]);
  });

  it("links only to what is there", () => {
    const dead = pages.flatMap((page) =>
      linksOf(page)
        .filter((link) => !existsSync(join(repositoryRoot, link)))
        .map((link) => `${page}: ${link}`),
    );
    expect(dead).toEqual([]);
  });

  it("has one title", () => {
    const wrong = pages.filter((page) => titlesOf(page) !== 1);
    expect(wrong).toEqual([]);
  });
});

describe("these rules themselves", () => {
  const plant = (text: string): SourceFile => ({
    path: "planted.ts",
    text,
    program: parseSource(text, "planted.ts"),
  });

  it("find a function that is too long, and leave a factory of short ones alone", () => {
    const statements = "  work();\n".repeat(maximumFunctionLines);
    expect(longFunctions(plant(`function long() {\n${statements}}\n`))).toEqual([
      `planted.ts:1: ${maximumFunctionLines + 2} lines`,
    ]);
    const half = "    work();\n".repeat(maximumFunctionLines / 2);
    const inner = `  function one() {\n${half}  }\n  function two() {\n${half}  }\n`;
    expect(longFunctions(plant(`function factory() {\n${inner}}\n`))).toEqual([]);
  });

  it("find a shortened name wherever it is declared", () => {
    const text = "const errMsg = 1; function f(ctx: string) { return ctx; } interface A { len: 1 }";
    expect(shortenedNames(plant(text)).map((line) => line.split(": ")[1])).toEqual([
      "errMsg (err → error or cause)",
      "errMsg (msg → message)",
      "ctx (ctx → context)",
      "len (len → length)",
    ]);
  });

  it("find a date made from nothing and allow one made from a clock", () => {
    expect(bareDates(plant("new Date(); new Date(clock.now());"))).toEqual(["planted.ts:1"]);
  });
});

/** Lines of a function without those of the functions inside it: a closure is what a class would be elsewhere. */
function longFunctions({ path, text, program }: SourceFile): string[] {
  const found: string[] = [];
  const count = (node: SyntaxNode): number => lineAt(text, node.end) - lineAt(text, node.start) + 1;
  const inside = (node: SyntaxNode): number => {
    let lines = 0;
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value])
        if (typeof child === "object" && child !== null && "type" in child)
          walk(child as SyntaxNode, (below) => {
            if (!isFunction(below)) return true;
            const length = count(below);
            if (length > 1) lines += length;
            return false;
          });
    return lines;
  };
  walk(program, (node) => {
    if (!isFunction(node)) return;
    const own = count(node) - inside(node);
    if (own > maximumFunctionLines) found.push(`${path}:${lineAt(text, node.start)}: ${own} lines`);
  });
  return found;
}

function isFunction(node: SyntaxNode): boolean {
  return (
    node.type === "FunctionDeclaration" ||
    node.type === "FunctionExpression" ||
    node.type === "ArrowFunctionExpression"
  );
}

/** Names that we declare: variables, functions, parameters, members of types and of classes. */
function shortenedNames({ path, text, program }: SourceFile): string[] {
  const found: string[] = [];
  const judge = (candidate: unknown): void => {
    const node = candidate as SyntaxNode | null;
    if (node?.type !== "Identifier") return;
    const name = String(node["name"]);
    for (const word of name.split(/(?=[A-Z])|_|\d+/).map((part) => part.toLowerCase()))
      if (Object.hasOwn(betterWords, word))
        found.push(
          `${path}:${lineAt(text, node.start)}: ${name} (${word} → ${betterWords[word] ?? ""})`,
        );
  };
  walk(program, (node) => {
    if (node.type === "VariableDeclarator" || node.type === "FunctionDeclaration")
      judge(node["id"]);
    if (node.type === "TSPropertySignature" || node.type === "TSMethodSignature")
      judge(node["key"]);
    if (isFunction(node)) for (const parameter of node["params"] as unknown[]) judge(parameter);
  });
  return found;
}

function bareDates({ path, text, program }: SourceFile): string[] {
  const found: string[] = [];
  walk(program, (node) => {
    if (node.type !== "NewExpression") return;
    const callee = node["callee"] as SyntaxNode;
    if (callee["name"] === "Date" && (node["arguments"] as unknown[]).length === 0)
      found.push(`${path}:${lineAt(text, node.start)}`);
  });
  return found;
}

function literals(
  { path, text, program }: SourceFile,
  matches: (text: string) => boolean,
): string[] {
  const found: string[] = [];
  walk(program, (node) => {
    const value = node["value"];
    if (node.type === "Literal" && typeof value === "string" && matches(value))
      found.push(`${path}:${lineAt(text, node.start)}: ${value}`);
  });
  return found;
}

/** Pages and files of the repository that a page links to. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(repositoryRoot, page), "utf8");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => (match[1] ?? "").split("#", 1)[0] ?? "")
    .filter((link) => link !== "" && !/^[a-z]+:/.test(link))
    .map((link) => normalize(join(dirname(page), link)).replace(/\/$/, ""));
}

function titlesOf(page: string): number {
  const text = readFileSync(join(repositoryRoot, page), "utf8").replaceAll(/```[\s\S]*?```/g, "");
  return text.match(/^# /gm)?.length ?? 0;
}
