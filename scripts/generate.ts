/** Writes the pages that come from the code: METRICS.md and the tables in docs/. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generatedPages } from "./pages.ts";

for (const [path, text] of await generatedPages()) {
  writeFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), text);
  process.stdout.write(`${path}\n`);
}
