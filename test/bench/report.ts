/** What a bench found: a table on the terminal and JSON beside it that says on which commit, machine and Node it was found. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../kit/sources.ts";

export interface BenchRow {
  readonly what: string;
  readonly unit: string;
  /** The median counts; the others show how steady it is. */
  readonly rounds: readonly number[];
}

/** Prints the rows and keeps them under test/bench/results. */
export function reportBench(
  name: string,
  settings: Readonly<Record<string, unknown>>,
  rows: readonly BenchRow[],
): void {
  const results = rows.map((row) => ({ ...row, median: median(row.rounds) }));
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, unit, rounds, median: middle } of results) {
    const range = `${format(Math.min(...rounds))} to ${format(Math.max(...rounds))}`;
    process.stdout.write(
      `${what.padEnd(width)}  ${format(middle).padStart(12)} ${unit}  (${range})\n`,
    );
  }
  const date = new Date().toISOString();
  const commit = execFileSync("git", ["rev-parse", "HEAD"], {
    cwd: repositoryRoot,
    encoding: "utf8",
  });
  const machine = {
    processor: cpus()[0]?.model ?? "",
    processors: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
  };
  const folder = join(repositoryRoot, "test/bench/results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}-${date.replaceAll(/[:.]/g, "-")}.json`);
  const about = { date, commit: commit.trim(), node: process.version, machine, settings };
  writeFileSync(file, `${JSON.stringify({ ...about, results }, null, 2)}\n`);
  process.stdout.write(`\nkept in ${file}\n`);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
