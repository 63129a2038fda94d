/** Writes what comes from the code: METRICS.md and the tables in docs/, boards, rule files and manifests. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { generatedArtifacts, generatedFolders } from "./artifacts.ts";
import { generatedPages } from "./pages.ts";

const files = [...(await generatedPages()), ...generatedArtifacts()];
for (const folder of generatedFolders)
  rmSync(inRepository(folder), { recursive: true, force: true });
for (const [path, text] of files) {
  const file = inRepository(path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`${path}\n`);
}

function inRepository(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
