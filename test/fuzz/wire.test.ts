import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("a second of fuzzing finds no broken promise", async () => {
  const script = new URL("wire.ts", import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    "--seconds",
    "1",
    "--seed",
    "20261122",
  ]);
  expect(stdout).toMatch(/^[1-9]\d* runs from seed 20261122, all promises held\n$/);
});
