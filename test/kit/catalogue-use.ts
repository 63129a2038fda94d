/** Which entries of the catalogue each source file uses, read from its imports. */
import { basename, dirname, join, normalize } from "node:path";
import * as catalogue from "../../core/catalog/index.ts";
import type { Metric, MetricFamily } from "../../core/catalog/metric.ts";
import { walk, type SourceFile, type SyntaxNode } from "./sources.ts";

export type Entry = Metric | MetricFamily;

const subjects: Readonly<Record<string, Readonly<Record<string, unknown>>>> = Object.fromEntries(
  Object.entries(catalogue).flatMap(([name, value]) =>
    typeof value === "object" ? [[name, value as unknown as Record<string, unknown>]] : [],
  ),
);

export function nameOf(entry: Entry): string {
  return "name" in entry ? entry.name : entry.pattern;
}

/** The entries that a file imports by name or reaches through a subject (`gpu.temperature`). */
export function entriesUsedBy({ path, program }: SourceFile): Set<Entry> {
  const used = new Set<Entry>();
  const aliases = new Map<string, Readonly<Record<string, unknown>>>();
  const take = (value: unknown): void => {
    if (isEntry(value)) used.add(value);
  };
  walk(program, (node) => {
    if (node.type === "ImportDeclaration") {
      const subject = subjectAt(path, String((node["source"] as SyntaxNode)["value"]));
      if (subject === null) return;
      for (const specifier of node["specifiers"] as SyntaxNode[]) {
        const local = String((specifier["local"] as SyntaxNode)["name"]);
        if (specifier.type === "ImportNamespaceSpecifier") aliases.set(local, subject);
        if (specifier.type !== "ImportSpecifier") continue;
        const imported = subject[String((specifier["imported"] as SyntaxNode)["name"])];
        take(imported);
        if (typeof imported === "object" && imported !== null && !isEntry(imported))
          aliases.set(local, imported as Record<string, unknown>);
      }
    }
    if (node.type !== "MemberExpression") return;
    const object = node["object"] as SyntaxNode;
    const property = node["property"] as SyntaxNode;
    if (object.type === "Identifier")
      take(aliases.get(String(object["name"]))?.[String(property["name"])]);
  });
  return used;
}

/** The subject that an import names: one file of the catalogue, or the barrel as a whole. */
function subjectAt(importer: string, specifier: string): Readonly<Record<string, unknown>> | null {
  const path = normalize(join(dirname(importer), specifier));
  if (dirname(path) !== "core/catalog") return null;
  const subject = basename(path, ".ts");
  if (subject === "index") return subjects;
  return (
    subjects[subject.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())] ?? null
  );
}

function isEntry(value: unknown): value is Entry {
  return (
    typeof value === "object" &&
    value !== null &&
    "help" in value &&
    ("name" in value || "pattern" in value)
  );
}
