/** Temporary folders that go away with the test that made them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export function makeFolder(): string {
  const folder = makeSharedFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** One for several tests: whoever makes it takes it away. */
export function makeSharedFolder(): string {
  return mkdtempSync(join(tmpdir(), "warpwatch-test-"));
}
