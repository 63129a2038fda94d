/** The repository's own files as a test sees them: what is in the tree, and the syntax tree of each source. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "rolldown/parseAst";

export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url));

/** Any node of the syntax tree; offsets are in UTF-16 units of the source. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
}

const notOurs = new Set(["node_modules", "dist", ".git", ".run", "results"]);

/** Every file of the repository whose name ends in `extension`, sorted. */
export function listFiles(extension: string, folder = repositoryRoot): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (notOurs.has(entry.name)) return [];
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listFiles(extension, path);
      return entry.name.endsWith(extension) ? [relative(repositoryRoot, path)] : [];
    })
    .toSorted();
}

export function readSource(path: string): SourceFile {
  const text = readFileSync(join(repositoryRoot, path), "utf8");
  return { path, text, program: parseSource(text, path) };
}

export function parseSource(text: string, path: string): SyntaxNode {
  return parseAst(text, { lang: "ts" }, path) as unknown as SyntaxNode;
}

/** Calls `visit` on every node, outermost first; what is below a node is skipped when it returns false. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => boolean | void): void {
  if (visit(node) === false) return;
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child)) walk(child, visit);
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}
