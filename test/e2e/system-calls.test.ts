/** What a scrape of a large host costs, counted in system calls beside node_exporter's: a bound that no noise moves. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gpuServer } from "../hosts/gpu-server.ts";
import { writeHost } from "../hosts/tree.ts";
import {
  comparedCollectors,
  findNodeExporter,
  installHint,
  startNodeExporter,
} from "../kit/node-exporter.ts";
import { freePort, startWarpwatch, untilAnswered, type Program } from "../kit/programs.ts";
import { startsProcess, traceCalls, whyNoTrace, type TracedCall } from "../kit/system-calls.ts";

/** Ours over more than the 15 s in which everything has its turn; theirs are all alike, and slow under strace. */
const ourScrapes = 16;
const theirScrapes = 1;
const peer = findNodeExporter();
const obstacle = peer === null ? installHint : await whyNoTrace();
if (obstacle !== "") process.stderr.write(`NOT TESTED: system calls per scrape: ${obstacle}\n`);

describe.skipIf(obstacle !== "")("a scrape of a GPU server once a second", () => {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-calls-"));
  const programs: Program[] = [];
  let ours: TracedCall[] = [];
  let theirs: TracedCall[] = [];

  beforeAll(async () => {
    const paths = writeHost(folder, gpuServer());
    const port = await freePort();
    const agent = startWarpwatch([
      "agent",
      `--web.listen-address=127.0.0.1:${port}`,
      `--state.folder=${join(folder, "state")}`,
      `--path.procfs=${paths.procfs}`,
      `--path.sysfs=${paths.sysfs}`,
      `--path.rootfs=${paths.rootfs}`,
      "--collector.disable-defaults",
      ...comparedCollectors.map((name) => `--collector.${name}`),
    ]);
    programs.push(agent);
    const url = `http://127.0.0.1:${port}/metrics`;
    await untilAnswered(url, agent);
    const exporter = await startNodeExporter(peer ?? "", paths);
    programs.push(exporter.program);
    // The first rounds find out which hardware is slow.
    await scrapeOncePerSecond(url, 2);
    await scrapeOncePerSecond(exporter.url, 2);
    ours = await traced(agent, () => scrapeOncePerSecond(url, ourScrapes));
    theirs = await traced(exporter.program, () => scrapeOncePerSecond(exporter.url, theirScrapes));
  }, 120_000);

  afterAll(async () => {
    await Promise.all(programs.map((program) => program.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  test("takes a tenth of node_exporter's system calls or fewer, timers and slower rounds included", () => {
    const limit = theirs.length / theirScrapes / 10;
    expect(limit).toBeGreaterThan(100);
    expect(ours.length / ourScrapes).toBeLessThanOrEqual(limit);
  });

  test("starts no program", () => {
    expect(ours.filter(startsProcess)).toEqual([]);
  });

  test("reads the kernel's files anew", () => {
    const reads = ours.filter(({ name }) => name === "pread64").length;
    expect(reads / ourScrapes).toBeGreaterThan(50);
  });
});

async function traced(program: Program, work: () => Promise<void>): Promise<TracedCall[]> {
  const [calls = []] = await traceCalls([program.child.pid ?? 0], work);
  return calls;
}

async function scrapeOncePerSecond(url: string, count: number): Promise<void> {
  for (let scrape = 0; scrape < count; scrape += 1) {
    await (await fetch(url)).arrayBuffer();
    // A little more than the age at which samples are read again.
    await new Promise((resolve) => setTimeout(resolve, 1050));
  }
}
