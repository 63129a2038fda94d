/** The program of the inventory's child process: takes the inventory once, writes it as JSON and ends. */
import { defaultPaths } from "../../core/kit/env.ts";
import { describeError } from "../../core/kit/errors.ts";
import { loadLibrary, takeInventory } from "./take-inventory.ts";

try {
  process.stdout.write(JSON.stringify(await takeInventory(await loadLibrary(), defaultPaths)));
} catch (thrown) {
  process.stderr.write(`${describeError(thrown)}\n`);
  process.exitCode = 1;
}
