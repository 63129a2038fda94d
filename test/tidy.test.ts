/** The repository's own rules, as STYLE.md gives them; what the linter can hold is in .oxlintrc.json instead. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { allRules } from "../alerts/all.ts";
import { allMetrics } from "../core/catalog/index.ts";
import { makeFolder } from "./kit/folder.ts";
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
    // A fake host is a page of data that happens to be a function.
    const judged = authored.filter(({ path }) => !path.startsWith("test/hosts/"));
    expect(judged.flatMap(longFunctions)).toEqual([]);
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

  it("stands in the folder that its subject stands in", () => {
    const lost = tests
      .map(({ path }) => path)
      .filter((path) =>
        /^test\/(agent|alerts|bin|cli|collector|core|scripts|simulator)\//.test(path),
      )
      .filter((path) => !existsSync(join(repositoryRoot, dirname(path.slice("test/".length)))));
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

describe("every rule", () => {
  it("has a runbook, and every runbook a rule", () => {
    const runbooks = listFiles(".md").filter((path) => path.startsWith("alerts/runbooks/"));
    const wanted = allRules.map(({ name }) => `alerts/runbooks/${name}.md`);
    expect(runbooks.toSorted()).toEqual(wanted.toSorted());
  });
});

describe("every page", () => {
  const pages = listFiles(".md");

  it("can be reached from README.md or ARCHITECTURE.md", () => {
    const reached = new Set(["README.md", "ARCHITECTURE.md"]);
    for (const page of reached)
      for (const link of linksOf(page)) if (link.endsWith(".md")) reached.add(link);
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

/** Importer and what it imports, as seen from it. */
type Import = readonly [string, string];

const forbiddenImports: readonly Import[] = [
  ["core/wire", "../../agent/config.ts"],
  ["alerts", "../collector/config.ts"],
  ["simulator", "../agent/config.ts"],
  ["dashboards", "../collector/config.ts"],
  ["agent", "../collector/config.ts"],
  ["agent", "./main.ts"],
  ["agent/sources/gpu", "../../../simulator/fleet.ts"],
  ["collector", "../agent/config.ts"],
  ["collector", "../cli/flags.ts"],
  ["collector/api", "../main.ts"],
  ["collector/state", "../notify/config.ts"],
  ["collector/history", "../state/alert.ts"],
  ["collector/ingest", "../detect/engine.ts"],
  ["collector/notify", "../detect/engine.ts"],
  ["collector/detect", "../ingest/door.ts"],
  ["collector/detect", "../api/routes.ts"],
  ["cli", "../test/tidy.test.ts"],
  ["scripts", "../test/tidy.test.ts"],
];

const allowedImports: readonly Import[] = [
  ["agent/sources/synthetic", "../../../simulator/fleet.ts"],
  ["agent/sources/gpu", "../../../core/kit/env.ts"],
  ["collector/detect", "../state/alert.ts"],
  ["collector/detect/threshold", "../../../alerts/rule.ts"],
  ["collector/notify", "../state/alert.ts"],
  ["collector/api", "../detect/engine.ts"],
  ["cli", "../collector/main.ts"],
];

describe("the linter's own rules", () => {
  const planted = ([folder]: Import, index: number): string => `${folder}/planted${index}.ts`;
  const plant = (imports: readonly Import[]): string =>
    lintPlanted(
      Object.fromEntries(
        imports.map((one, index) => [
          planted(one, index),
          `import { planted } from "${one[1]}";\nexport const kept = planted;\n`,
        ]),
      ),
    );

  it("find every import that goes against the directions", () => {
    const found = plant(forbiddenImports);
    const missed = forbiddenImports.filter(
      (one, index) =>
        !found.includes(`${planted(one, index)}:1:1: '${one[1]}' import is restricted`),
    );
    expect(missed).toEqual([]);
  });

  it("let those pass that go along with them", () => {
    expect(plant(allowedImports)).toBe("");
  });

  it("find two files that import each other", () => {
    const files = {
      "core/one.ts": 'import { two } from "./two.ts";\nexport const one = (): unknown => two;\n',
      "core/two.ts": 'import { one } from "./one.ts";\nexport const two = (): unknown => one;\n',
    };
    expect(lintPlanted(files)).toContain("import(no-cycle)");
  });

  it("find what reaches past Env for the world", () => {
    const text = "export const read = (): unknown => [process.env, Date.now(), Math.random()];\n";
    const found = lintPlanted({ "core/kit/planted.ts": text });
    expect(found.match(/no-restricted-properties/g)).toHaveLength(3);
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

/** What the linter, with our configuration, says of files planted in a folder of their own. */
function lintPlanted(files: Readonly<Record<string, string>>): string {
  const folder = makeFolder();
  copyFileSync(join(repositoryRoot, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const oxlint = join(repositoryRoot, "node_modules/.bin/oxlint");
  const { stdout, status } = spawnSync(oxlint, ["--format=unix"], {
    cwd: folder,
    encoding: "utf8",
  });
  return status === 0 ? "" : stdout;
}

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
