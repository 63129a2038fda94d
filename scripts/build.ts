/** Bundles what ships: one JavaScript program with its dependencies inside, and their licences beside it. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
/** What package.json has as dependencies is native and is installed; all else goes into the bundle. */
const installed = Object.keys(readManifest(root).dependencies ?? {});

rmSync(join(root, "dist"), { recursive: true, force: true });
const { output } = await build({
  cwd: root,
  input: {
    warpwatch: "cli/main.ts",
    // The child processes of history and of the agent are programs of their own.
    "duckdb-program": "collector/history/duckdb-program.ts",
    "slow-kernel-program": "agent/probes/slow-kernel-program.ts",
    "gpu-program": "agent/probes/gpu-program.ts",
    "inventory-program": "agent/sources/inventory-program.ts",
  },
  platform: "node",
  external: new RegExp(`^(${installed.join("|")})(/|$)`),
  transform: { target: "node24" },
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "[name].js",
    // All in one folder, so that import.meta.url means the same everywhere.
    chunkFileNames: "[name]-[hash].js",
    // The agent keeps the text of its code in memory. Names stay, for what a stack trace says.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  },
});

// The console finds its files beside the code that serves them.
cpSync(join(root, "collector/console/assets"), join(root, "dist/assets"), { recursive: true });

const bundled = new Set<string>();
for (const item of output) {
  if (item.type !== "chunk") continue;
  for (const module of item.moduleIds) {
    const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];
    if (folder !== undefined) bundled.add(folder);
  }
  process.stdout.write(`dist/${item.fileName} ${Math.ceil(item.code.length / 1024)} KiB\n`);
}
writeFileSync(join(root, "dist/THIRD-PARTY-LICENSES.txt"), licencesOf([...bundled].toSorted()));
process.stdout.write(`dist/THIRD-PARTY-LICENSES.txt of ${bundled.size} packages\n`);

/** A package without a file of its own says its licence in its manifest only. */
function licencesOf(folders: readonly string[]): string {
  return folders
    .map((folder) => {
      const { name, version, license } = readManifest(folder);
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      if (file === undefined && license === undefined)
        throw new Error(`${name} says nothing of its licence: it can't be shipped`);
      const text =
        file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), "utf8");
      return `${name} ${version}\n\n${text.trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

function readManifest(folder: string): Manifest {
  const file = join(folder, "package.json");
  if (!existsSync(file)) throw new Error(`${file} is missing`);
  return JSON.parse(readFileSync(file, "utf8")) as Manifest;
}
