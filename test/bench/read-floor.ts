/** What the kernel takes for the reads of one scrape: a C program that reads the same files and does nothing else. */
import { execFileSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../kit/sources.ts";
import type { TracedCall } from "../kit/system-calls.ts";

export interface ReadFloor {
  readonly files: number;
  readonly backToBackMilliseconds: number;
  readonly pacedMilliseconds: number;
}

/** A scrape that comes within the age of the samples reads nothing. */
const mostScrapes = 0.8;

/** The files that were read from their start among the calls in every scrape, not only in slower rounds. */
export function filesRead(
  processId: number,
  calls: readonly TracedCall[],
  scrapes: number,
): string[] {
  const reads = new Map<string, number>();
  for (const { name, arguments: given } of calls) {
    const descriptor =
      name === "pread64" && / 0\) += /.test(given) ? /^\d+/.exec(given)?.[0] : undefined;
    if (descriptor !== undefined) reads.set(descriptor, (reads.get(descriptor) ?? 0) + 1);
  }
  const paths: string[] = [];
  for (const [descriptor, count] of reads) {
    if (count < scrapes * mostScrapes) continue;
    try {
      paths.push(readlinkSync(`/proc/${processId}/fd/${descriptor}`));
    } catch {
      // It was open only for this one reading.
    }
  }
  return paths.filter((path) => path.startsWith("/"));
}

/** Compiles the program into the folder and runs it. Throws where there is no C compiler. */
export function measureFloor(folder: string, paths: readonly string[]): ReadFloor {
  const program = join(folder, "read-floor");
  execFileSync("gcc", ["-O2", "-o", program, join(repositoryRoot, "test/bench/read-floor.c")]);
  const run = (rounds: number, pauseMicroseconds: number): number =>
    Number(
      execFileSync(program, [String(rounds), String(pauseMicroseconds)], {
        input: `${paths.join("\n")}\n`,
        encoding: "utf8",
      }),
    ) / 1e6;
  return {
    files: paths.length,
    backToBackMilliseconds: run(200, 0),
    pacedMilliseconds: run(5, 999_999),
  };
}
