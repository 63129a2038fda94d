/** Runs everything that must hold before a change goes in: types, lint, format, dead code, then every test; ends with the counts. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface AssertionReport {
  readonly status: string;
}

interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly AssertionReport[];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const folder = mkdtempSync(join(tmpdir(), "warpwatch-test-"));
const report = join(folder, "report.json");

// Each runs whatever the others found: one round shows everything.
const failedChecks = ["types", "lint", "format", "dead"].filter(
  (name) => !run("npm", ["run", "--silent", `check:${name}`]),
);
const tested = run("vitest", [
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
]);
const counts = count(report);
rmSync(folder, { recursive: true, force: true });

for (const name of failedChecks)
  process.stdout.write(`npm run check:${name} failed: its findings are above\n`);
if (counts.skipped > 0)
  process.stdout.write(`${counts.skipped} skipped: not possible on this machine\n`);
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = failedChecks.length === 0 && tested && counts.failed === 0 ? 0 : 1;

function run(command: string, args: readonly string[]): boolean {
  const result = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  return result.status === 0;
}

/** A file that could not even be loaded counts as one failure, and so does a run that left no report. */
function count(file: string): Counts {
  let files: readonly FileReport[];
  try {
    const parsed = JSON.parse(readFileSync(file, "utf8")) as {
      readonly testResults: readonly FileReport[];
    };
    files = parsed.testResults;
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const assertions = files.flatMap((one) => one.assertionResults);
  const withStatus = (status: string): number =>
    assertions.filter((assertion) => assertion.status === status).length;
  const broken = files.filter(
    (one) =>
      one.status === "failed" && !one.assertionResults.some(({ status }) => status === "failed"),
  ).length;
  const passed = withStatus("passed");
  const failed = withStatus("failed");
  return { passed, failed: failed + broken, skipped: assertions.length - passed - failed };
}
