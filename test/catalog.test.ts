/** The catalogue held to its own rules: names, helps, units, labels, and that nothing in it is there for nobody. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { knownSources } from "../agent/sources/all.ts";
import { labelCardinality } from "../core/catalog/labels.ts";
import { allMetrics } from "../core/catalog/index.ts";
import type { Metric, Unit } from "../core/catalog/metric.ts";
import { entriesUsedBy, nameOf, type Entry } from "./kit/catalogue-use.ts";
import { listFiles, readSource } from "./kit/sources.ts";

const entries = allMetrics();
const metrics = entries.filter((entry): entry is Metric => "name" in entry);
const authored = metrics.filter(({ authority }) => authority !== "open");
const ours = authored.filter(({ authority }) => authority === "warpwatch");

/** What a help text says when its number is in the unit. */
const unitWords: Readonly<Partial<Record<Unit, RegExp>>> = {
  seconds: /second|\btime\b|how long|age\b/i,
  milliseconds: /millisecond/i,
  nanoseconds: /nanosecond/i,
  bytes: /byte|size/i,
  mebibytes: /MiB/,
  kibibytes: /KiB/,
  ratio: /ratio|share|fraction|probability/i,
  percent: /percent/i,
  celsius: /Celsius/,
  watts: /watt/i,
  joules: /\bjoule/i,
  millijoules: /millijoule/i,
  hertz: /hertz|Hz/i,
  megahertz: /MHz/,
  bytes_per_second: /bytes per second/i,
};

/** Units that Prometheus' naming guide takes for a base unit. */
const baseUnits = new Set<Unit>([
  "none",
  "seconds",
  "bytes",
  "ratio",
  "celsius",
  "watts",
  "joules",
  "hertz",
  "bytes_per_second",
]);

describe("the catalogue", () => {
  it("gives every metric a name of its own", () => {
    expect(repeated(entries.map(nameOf))).toEqual([]);
  });

  it("gives every metric an OpenTelemetry name of its own", () => {
    const shared = new Set(["system.cpu.time"]);
    const names = authored.map(({ openTelemetryName }) => openTelemetryName);
    expect(repeated(names.filter((name) => !shared.has(name)))).toEqual([]);
    expect(names.filter((name) => !/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$/.test(name))).toEqual([]);
  });

  it("tells every metric's meaning once, as a sentence", () => {
    expect(repeated(entries.map(({ help }) => help))).toEqual([]);
    const odd = entries.filter(({ help }) => !/^[A-Z0-9{].*[^.]\.$/.test(help) || /\n/.test(help));
    expect(odd.map(nameOf)).toEqual([]);
  });

  it("says the unit in the help as the unit says it", () => {
    const untrue = authored.filter(
      ({ unit, help }) => unitWords[unit] !== undefined && !unitWords[unit].test(help),
    );
    expect(untrue.map(({ name, unit, help }) => `${name} [${unit}]: ${help}`)).toEqual([]);
  });

  it("takes labels from the closed list only, each once", () => {
    const wrong = authored.filter(
      ({ labels }) =>
        new Set(labels).size !== labels.length ||
        labels.some((label) => !Object.hasOwn(labelCardinality, label)),
    );
    expect(wrong.map(nameOf)).toEqual([]);
  });

  it("bounds every histogram's buckets in rising order, and gives buckets to nothing else", () => {
    const wrong = authored.filter(({ kind, buckets }) =>
      kind === "histogram"
        ? buckets.length === 0 ||
          buckets.some((bound, index) => bound <= (buckets[index - 1] ?? -1))
        : buckets.length > 0,
    );
    expect(wrong.map(nameOf)).toEqual([]);
  });
});

describe("metrics of our own", () => {
  it("follow the naming guide: base units, _total for counters, _info for facts", () => {
    expect(ours.flatMap(namingMistakes)).toEqual([]);
  });

  it("are found wanting when they don't", () => {
    const [some] = ours;
    if (!some) throw new Error("the catalogue has no metric of our own");
    const plant = (change: Partial<Metric>): string[] => namingMistakes({ ...some, ...change });
    expect(plant({ name: "warpwatch_x", kind: "counter", unit: "none" })).toHaveLength(1);
    expect(plant({ name: "warpwatch_x_total", kind: "gauge", unit: "none" })).toHaveLength(1);
    expect(plant({ name: "warpwatch_x", kind: "info", unit: "none" })).toHaveLength(1);
    expect(plant({ name: "warpwatch_x", kind: "gauge", unit: "seconds" })).toHaveLength(1);
    expect(plant({ name: "warpwatch_x_megahertz", kind: "gauge", unit: "megahertz" })).toHaveLength(
      1,
    );
    expect(plant({ name: "warpwatch_xTime", kind: "gauge", unit: "none" })).toHaveLength(1);
  });
});

describe("every metric", () => {
  const files = listFiles(".ts").filter((path) =>
    /^(agent|collector|alerts|dashboards)\//.test(path),
  );
  const uses = new Map(files.map((path) => [path, entriesUsedBy(readSource(path))]));
  const usedIn = (folders: RegExp): Set<Entry> =>
    new Set([...uses].flatMap(([path, used]) => (folders.test(path) ? [...used] : [])));
  const emitted = new Set([
    ...knownSources().flatMap((source) => source.metrics),
    ...usedIn(/^(agent|collector)\//),
  ]);
  const watched = usedIn(/^(alerts|dashboards|collector\/(detect|fleet|console))\//);
  const waiting = readAwaitingBoard();
  const needed = entries.filter((entry) => isAuthored(entry) && !entry.compatibilityOnly);

  it("is emitted by a source or by one of the two processes", () => {
    const silent = entries.filter((entry) => isAuthored(entry) && !emitted.has(entry));
    expect(silent.map(nameOf), "list it in the `metrics` of the source that reads it").toEqual([]);
  });

  it("is watched by a rule, a board or a detector, or is marked as there for compatibility only", () => {
    const unwatched = needed.filter((entry) => !watched.has(entry)).map(nameOf);
    expect(
      unwatched.filter((name) => !waiting.has(name)),
      "use it, or mark it compatibilityOnly",
    ).toEqual([]);
  });

  it("leaves the list of those that wait for a board once something watches it", () => {
    const wanted = new Set(needed.filter((entry) => !watched.has(entry)).map(nameOf));
    expect(
      [...waiting].filter((name) => !wanted.has(name)),
      "take these lines out of test/catalog-awaiting-board.txt",
    ).toEqual([]);
  });
});

/** Metrics that are emitted for boards that don't exist yet, one name a line. The list only shrinks. */
function readAwaitingBoard(): Set<string> {
  const text = readFileSync(new URL("catalog-awaiting-board.txt", import.meta.url), "utf8");
  return new Set(text.split("\n").filter((line) => line !== ""));
}

function isAuthored(entry: Entry): boolean {
  return "pattern" in entry || entry.authority !== "open";
}

function namingMistakes({ name, kind, unit }: Metric): string[] {
  const mistakes: string[] = [];
  if (!/^warpwatch(_[a-z0-9]+)+$/.test(name)) mistakes.push(`${name}: not in snake case`);
  if (!baseUnits.has(unit)) mistakes.push(`${name}: ${unit} is not a base unit`);
  if ((kind === "counter") !== name.endsWith("_total"))
    mistakes.push(`${name}: _total belongs to counters, and to all of them`);
  if ((kind === "info") !== name.endsWith("_info"))
    mistakes.push(`${name}: _info belongs to facts, and to all of them`);
  if (unit !== "none" && !name.replace(/_total$/, "").endsWith(`_${unit}`))
    mistakes.push(`${name}: the unit ${unit} comes last`);
  return mistakes;
}

function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.has(value) || (seen.add(value), false));
}
