import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { allMetrics } from "../../core/catalog/index.ts";
import { gpuServer } from "../hosts/gpu-server.ts";
import { writeHost } from "../hosts/tree.ts";
import { makeFolder } from "../kit/folder.ts";
import {
  freePort,
  hasProgram,
  startWarpwatch,
  untilAnswered,
  type Program,
} from "../kit/programs.ts";
import { startPrometheus } from "../kit/prometheus.ts";

const smokeMilliseconds = 15_000;
/** Prometheus takes up its targets within 5 s of its start, then waits for up to one interval. */
const startMilliseconds = 7000;

describe.skipIf(!hasProgram("promtool"))("the agent's metrics page", () => {
  it("parses with promtool, which finds fault with names we keep for compatibility only", async () => {
    const host = lint(await pageOf([]));
    const synthetic = lint(await pageOf(["--synthetic"]));
    // A machine with far more families than the one that the tests run on.
    const { procfs, sysfs, rootfs } = writeHost(makeFolder(), gpuServer({ processors: 8 }));
    const paths = [`--path.procfs=${procfs}`, `--path.sysfs=${sysfs}`, `--path.rootfs=${rootfs}`];
    const server = lint(await pageOf(paths));
    const findings = [...new Set([...host, ...synthetic, ...server])].toSorted();
    expect(findings.filter((line) => line.startsWith("warpwatch_"))).toEqual([]);
    const known = new Set(
      readFileSync(new URL("promtool-findings.txt", import.meta.url), "utf8").split("\n"),
    );
    // Which keys /proc/meminfo and /proc/vmstat have depends on the kernel: their families stand for them.
    expect([...new Set(findings.map(byFamily))].filter((line) => !known.has(line))).toEqual([]);
  });
});

describe.skipIf(!hasProgram("prometheus"))("Prometheus at one scrape a second", () => {
  it("takes every sample of the agent, none twice and none out of order", async () => {
    const { agent, address } = await startAgent([]);
    const prometheus = await startPrometheus(makeFolder(), address);
    onTestFinished(() => void prometheus.program.stop());
    await new Promise((resolve) => setTimeout(resolve, smokeMilliseconds));
    const verdict = await prometheus.verdict();
    expect(verdict).toMatchObject({ duplicates: 0, outOfOrder: 0, outOfBounds: 0 });
    expect(verdict.succeeded).toBe(verdict.scrapes);
    expect(verdict.scrapes).toBeGreaterThanOrEqual(
      smokeMilliseconds / 1000 - startMilliseconds / 1000,
    );
    expect(verdict.samples).toBeGreaterThan(100);
    await prometheus.program.stop();
    expect(await agent.stop()).toBe(0);
  });
});

async function startAgent(flags: readonly string[]): Promise<{ agent: Program; address: string }> {
  const address = `127.0.0.1:${await freePort()}`;
  const agent = startWarpwatch([
    "agent",
    `--web.listen-address=${address}`,
    `--state.folder=${makeFolder()}`,
    ...flags,
  ]);
  onTestFinished(() => void agent.stop());
  await untilAnswered(`http://${address}/-/ready`, agent);
  return { agent, address };
}

async function pageOf(flags: readonly string[]): Promise<string> {
  const { agent, address } = await startAgent(flags);
  const page = await (await fetch(`http://${address}/metrics`)).text();
  await agent.stop();
  return page;
}

/** What promtool finds; exit code 3 says that it parsed the page and found something, 0 that it found nothing. */
function lint(page: string): string[] {
  const result = spawnSync("promtool", ["check", "metrics"], { input: page, encoding: "utf8" });
  expect([0, 3], result.stderr).toContain(result.status);
  return `${result.stdout}${result.stderr}`.split("\n").filter((line) => line !== "");
}

/** The finding with the family's pattern for the name, where the name came from a family. */
function byFamily(finding: string): string {
  const [name = "", ...rest] = finding.split(" ");
  for (const entry of allMetrics()) {
    if (!("pattern" in entry)) continue;
    const [before = "", after = ""] = entry.pattern.split("{key}");
    if (name.startsWith(before) && name.endsWith(after)) return [entry.pattern, ...rest].join(" ");
  }
  return finding;
}
