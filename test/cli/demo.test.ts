import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { boundWhenBusy } from "../kit/busy.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, startWarpwatch, type Program } from "../kit/programs.ts";

/** What it leaves behind would be in the given folder. */
async function startDemo(folder: string, ...flags: readonly string[]): Promise<Program> {
  const [metrics, api] = [await freePort(), await freePort()];
  const program = startWarpwatch(
    [
      "demo",
      `--agent.listen-address=127.0.0.1:${metrics}`,
      `--collector.listen-address=127.0.0.1:${api}`,
      ...flags,
    ],
    { TMPDIR: folder },
  );
  onTestFinished(async () => void (await program.stop()));
  return program;
}

async function untilSaid(program: Program, pattern: RegExp, limit: number): Promise<void> {
  const timeout = boundWhenBusy(limit);
  await expect.poll(() => program.output(), { timeout, interval: 100 }).toMatch(pattern);
}

/** The faults of the built-in demo, with the first ones at once. */
const hastyScenario = `
workload: training
faults:
  - { at: 1s, node: 0, gpu: 5, kind: thermal_runaway, severity: 0.7, duration: 6m }
  - { at: 2s, node: 1, kind: filesystem_fill, severity: 1, duration: 4m, mountpoint: /scratch }
  - { at: 20s, node: 1, gpu: 2, kind: xid, code: 79 }
`;

describe("warpwatch demo", () => {
  it(
    "shows readings within 10 s, tells what breaks, foresees it, and pages",
    { timeout: 900_000 },
    async () => {
      const folder = makeFolder();
      const scenario = join(folder, "hasty.yaml");
      writeFileSync(scenario, hastyScenario);
      const program = await startDemo(folder, `--synthetic.scenario=${scenario}`);
      await untilSaid(
        program,
        /readings +\d+ °C [▁-█]+ synthetic-0\d gpu\d · .*16\/16 GPUs ok/s,
        10_000,
      );
      expect(program.output()).toMatch(/console {2}http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32,}/);
      await untilSaid(program, /breaks +the driver reports an XID of synthetic-01 gpu2/, 30_000);
      await untilSaid(program, /alert +GpuXid fires, critical, on synthetic-01/, 10_000);
      await untilSaid(program, /page +critical: GPU 2 of synthetic-01 reported XID 79/, 10_000);
      await untilSaid(
        program,
        /forecast +\/scratch on synthetic-01 is full in [^]*UTC\s+\(\S+\s+\S+\s+UTC\s+to/,
        120_000,
      );
      await untilSaid(
        program,
        /page +warning: \/scratch of synthetic-01 reaches its limit/,
        20_000,
      );
      await untilSaid(program, /anomaly +temperature of gpu5 on synthetic-00 is/, 150_000);
      expect(await program.stop()).toBe(0);
    },
  );

  it("ends by itself and leaves nothing behind", async () => {
    const folder = makeFolder();
    const left = () => readdirSync(folder).filter((name) => name.startsWith("warpwatch-"));
    const program = await startDemo(folder, "--minutes=0.05");
    await expect.poll(left).toHaveLength(1);
    expect(await program.ended(), program.output()).toBe(0);
    expect(program.output()).toContain("That was the demo.");
    expect(left()).toEqual([]);
  });

  it("says what is wrong with a flag in one sentence", async () => {
    const program = await startDemo(makeFolder(), "--minutes=0");
    expect(await program.ended()).toBe(2);
    expect(program.output()).toContain('--minutes: "0" is not a number of minutes up to 60');
  });
});
