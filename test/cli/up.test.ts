import { describe, expect, it, onTestFinished } from "vitest";
import { boundWhenBusy } from "../kit/busy.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, startWarpwatch, type Program } from "../kit/programs.ts";

interface Up {
  readonly program: Program;
  readonly folder: string;
  readonly metrics: string;
  readonly console: string;
}

async function startUp(flags: readonly string[]): Promise<Up> {
  const folder = makeFolder();
  const metrics = `127.0.0.1:${await freePort()}`;
  const console = `127.0.0.1:${await freePort()}`;
  const program = startWarpwatch([
    "up",
    `--agent.listen-address=${metrics}`,
    `--collector.listen-address=${console}`,
    `--state.folder=${folder}`,
    ...flags,
  ]);
  onTestFinished(async () => void (await program.stop()));
  return { program, folder, metrics, console };
}

async function untilSaid(program: Program, pattern: RegExp, limit: number): Promise<void> {
  const timeout = boundWhenBusy(limit);
  await expect.poll(() => program.output(), { timeout, interval: 50 }).toMatch(pattern);
}

describe("warpwatch up", { timeout: 240_000 }, () => {
  it("says within 10 s what it found on this machine, then ends within 5 s of being asked", async () => {
    const { program, metrics, console } = await startUp([]);
    await untilSaid(program, /Alerts show below/, 10_000);
    const output = program.output();
    expect(output).toMatch(/^ {2}up +.*\bcpu\b.*\(\d+ series\)/ms);
    expect(output).toMatch(/processors +[\d.]+ % busy/);
    expect(output).toMatch(/memory +[\d.]+ % used/);
    expect(output).toMatch(/fullest is \/\S*, [\d.]+ % full/);
    expect(output).toContain(`http://${metrics}/metrics`);
    expect(output).toContain(`http://${console}/`);
    expect(output, "a token has no place in a file or a journal").not.toContain("#token=");
    expect(output, "it is plain where it is no terminal").not.toContain("\u001b");
    const begun = performance.now();
    expect(await program.stop()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(boundWhenBusy(5000));
  });

  it("shows a fault that is injected into a synthetic fleet, and that it is over", async () => {
    const { program, folder } = await startUp(["--synthetic", "--synthetic.gpus=16"]);
    await untilSaid(program, /Alerts show below/, 10_000);
    expect(program.output()).toMatch(/16 × NVIDIA H100 80GB HBM3 on 2 nodes/);
    const injected = startWarpwatch([
      "inject",
      "gpu_off_bus",
      "--node=1",
      "--gpu=4",
      "--duration=20s",
      `--state.folder=${folder}`,
    ]);
    expect(await injected.ended(), injected.output()).toBe(0);
    await untilSaid(program, /firing +critical +GpuXid +.*synthetic-01/, 10_000);
    expect(await program.stop()).toBe(0);
  });

  it("tells the address that is taken and ends", async () => {
    const first = await startUp([]);
    await untilSaid(first.program, /Alerts show below/, 10_000);
    const second = startWarpwatch([
      "up",
      `--agent.listen-address=${first.metrics}`,
      `--collector.listen-address=127.0.0.1:${await freePort()}`,
      `--state.folder=${makeFolder()}`,
    ]);
    expect(await second.ended()).toBe(1);
    expect(second.output()).toContain(`can't listen on ${first.metrics}: the port is taken`);
    expect(second.output()).not.toMatch(/^\s+at /m);
  });
});
