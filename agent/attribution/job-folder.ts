/** Which HPC job holds which GPU, from a folder that a job's prolog writes: a file per GPU, named by its index, with the job's id in each line. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** GPU index, or `index.instance` for a MIG instance, → the jobs in the file. */
export type JobsByGpu = ReadonlyMap<string, readonly string[]>;

const maximumFiles = 1024;
const maximumJobsPerGpu = 64;
const longestFileCharacters = 64 * 1024;
const longestJobCharacters = 200;

/** As dcgm-exporter's `--hpc-job-mapping-dir`; a file that can't be read is left out. Throws when the folder can't be read. */
export function readJobFolder(folder: string): JobsByGpu {
  const jobs = new Map<string, readonly string[]>();
  for (const name of readdirSync(folder).slice(0, maximumFiles)) {
    if (!/^\d+(?:\.\d+)?$/.test(name)) continue;
    const lines = readLines(join(folder, name));
    if (lines.length > 0) jobs.set(name, lines);
  }
  return jobs;
}

function readLines(path: string): string[] {
  try {
    const text = readFileSync(path, "utf8").slice(0, longestFileCharacters);
    return text
      .split("\n")
      .map((line) => line.trim().slice(0, longestJobCharacters))
      .filter((line) => line !== "")
      .slice(0, maximumJobsPerGpu);
  } catch {
    return [];
  }
}
