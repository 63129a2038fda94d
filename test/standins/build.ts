/** Compiles the stand-in libraries with gcc, once for each content and each set of left-out symbols. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface StandInOptions {
  /** Functions that this build doesn't export: what an older driver lacks. */
  readonly without?: readonly string[];
}

const cacheFolder = fileURLToPath(
  new URL("../../node_modules/.cache/warpwatch-standins", import.meta.url),
);
const warnings = ["-Wall", "-Wextra", "-Werror"];

/** The path of `libnvidia-ml.so.1` as the stand-in makes it. */
export function buildNvmlStandIn(options: StandInOptions = {}): string {
  return buildStandIn("nvml", "libnvidia-ml.so.1", options);
}

/** The path of `libdcgm.so.4` as the stand-in makes it. */
export function buildDcgmStandIn(options: StandInOptions = {}): string {
  return buildStandIn("dcgm", "libdcgm.so.4", options);
}

/** Compiles every C file of `test/standins/<folder>` into one library. */
export function buildStandIn(
  folder: string,
  library: string,
  { without = [] }: StandInOptions = {},
): string {
  const source = fileURLToPath(new URL(folder, import.meta.url));
  const files = readdirSync(source)
    .filter((name) => /\.[ch]$/.test(name))
    .sort();
  const hash = createHash("sha256").update(JSON.stringify([library, without]));
  for (const name of files) hash.update(name).update(readFileSync(join(source, name)));
  const target = join(cacheFolder, hash.digest("hex").slice(0, 16));
  const built = join(target, library);
  if (existsSync(built)) return built;
  const work = `${target}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const versions = join(work, "symbols.map");
  const hidden = without.map((name) => `${name};`).join(" ");
  writeFileSync(versions, `{ global: *; ${hidden === "" ? "" : `local: ${hidden}`} };\n`);
  const sources = files.filter((name) => name.endsWith(".c")).map((name) => join(source, name));
  const linking = ["-shared", "-fPIC", "-pthread", `-Wl,-soname,${library}`];
  execFileSync("gcc", [
    "-std=gnu11",
    "-O2",
    ...warnings,
    ...linking,
    `-Wl,--version-script=${versions}`,
    "-o",
    join(work, library),
    ...sources,
  ]);
  try {
    renameSync(work, target);
  } catch {
    // Another test made the same one meanwhile.
    rmSync(work, { recursive: true, force: true });
  }
  return built;
}
