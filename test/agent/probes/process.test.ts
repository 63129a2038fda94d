/** Probes against real child processes: what hangs, fails or dies in one disturbs neither the agent nor the other keys. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { expect, onTestFinished, test, vi } from "vitest";
import { createEnv } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { createProbes, type OwnedProbes } from "../../../agent/probes/process.ts";
import { repositoryRoot } from "../../kit/sources.ts";

const program = join(repositoryRoot, "test/kit/probe-program.ts");
const patient = 10_000;

interface Bench extends OwnedProbes {
  readonly lines: readonly string[];
  /** Processes that were started. */
  readonly started: readonly number[];
}

function start(which = program): Bench {
  const lines: string[] = [];
  const started: number[] = [];
  const plain = createEnv();
  const env = createEnv({
    spawn: (...how) => {
      const child = plain.spawn(...how);
      started.push(child.pid ?? 0);
      return child;
    },
  });
  const log = createLog({ clock: env.clock, write: (line) => void lines.push(line) });
  const probes = createProbes(env, log, {
    gpu: { program: which, graceMilliseconds: 100 },
  });
  onTestFinished(() => {
    probes.close();
    for (const pid of started) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });
  return { ...probes, lines, started };
}

function waitUntil(condition: () => boolean): Promise<unknown> {
  return vi.waitUntil(condition, { timeout: patient, interval: 20 });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("starts nothing before it is asked, and one process for all that is asked", async () => {
  const { gpu, started } = start();
  expect(started).toEqual([]);
  const answers = await Promise.all(
    ["a", "b", "c"].map((key) => gpu.ask("echo", key, Float64Array.of(1, 2), patient)),
  );
  expect(answers).toEqual(["a", "b", "c"].map((key) => ({ argument: Float64Array.of(1, 2), key })));
  expect(started).toHaveLength(1);
  expect(await gpu.ask("threads", "a", null, patient)).toBe("64");
  expect(gpu.inFlight()).toEqual([]);
});

test("takes one call per key at a time, whatever the call", async () => {
  const { gpu } = start();
  const first = gpu.ask("answerLate", "a", 200, patient);
  await expect(gpu.ask("echo", "a", 1, patient)).rejects.toMatchObject({ code: "PROBE_BUSY" });
  expect(await gpu.ask("echo", "b", 1, patient)).toEqual({ argument: 1, key: "b" });
  expect(gpu.inFlight().map(({ key }) => key)).toEqual(["a"]);
  expect(await first).toBe("late");
  expect(await gpu.ask("echo", "a", 1, patient)).toEqual({ argument: 1, key: "a" });
});

test("a late answer is not used, and frees its key", async () => {
  const { gpu, counts } = start();
  await gpu.ask("echo", "a", 1, patient);
  await expect(gpu.ask("answerLate", "a", 400, 50)).rejects.toMatchObject({
    code: "PROBE_TIMEOUT",
  });
  await expect(gpu.ask("echo", "a", 1, patient)).rejects.toMatchObject({ code: "PROBE_BUSY" });
  await waitUntil(() => gpu.inFlight().length === 0);
  expect(await gpu.ask("echo", "a", 1, patient)).toEqual({ argument: 1, key: "a" });
  expect(counts("gpu")).toEqual({ abandoned: 0, restarts: 0 });
});

test("a failure says what the child said, on one line", async () => {
  const { gpu } = start();
  await expect(gpu.ask("fail", "a", null, patient)).rejects.toMatchObject({
    code: "PROBE_FAILED",
    message: expect.stringContaining("the device says no") as string,
  });
  for (const call of ["failLater", "answerNothingClonable", "toString"])
    await expect(gpu.ask(call, "a", null, patient)).rejects.toMatchObject({
      code: "PROBE_FAILED",
    });
  expect(await gpu.ask("echo", "a", 1, patient)).toEqual({ argument: 1, key: "a" });
});

test("turns away from a child that a call holds, keeps the other keys, and asks the key again when the old child ended", async () => {
  const { gpu, counts, started } = start();
  await gpu.ask("echo", "warm", 1, patient);
  const hung = gpu.ask("hang", "a", 1500, 100);
  const waiting = gpu.ask("echo", "b", 2, patient);
  await expect(hung).rejects.toMatchObject({ code: "PROBE_TIMEOUT" });
  expect(await waiting).toEqual({ argument: 2, key: "b" });
  expect(started).toHaveLength(2);
  expect(isAlive(started[0] ?? 0)).toBe(true);
  expect(counts("gpu")).toEqual({ abandoned: 1, restarts: 1 });
  await expect(gpu.ask("echo", "a", 1, patient)).rejects.toMatchObject({ code: "PROBE_BUSY" });
  expect(gpu.inFlight()).toEqual([{ key: "a", seconds: expect.closeTo(0.5, 0) as number }]);

  await waitUntil(() => !isAlive(started[0] ?? 0));
  await waitUntil(() => gpu.inFlight().length === 0);
  expect(await gpu.ask("echo", "a", 3, patient)).toEqual({ argument: 3, key: "a" });
  expect(started).toHaveLength(2);
});

test("blames the call that holds the child, not those that wait in its threads", async () => {
  const { gpu, counts } = start();
  await gpu.ask("echo", "warm", 1, patient);
  const inThread = gpu.ask("hangInThread", "thread", 60_000, 50).catch(() => "timed out");
  await inThread;
  expect(await gpu.ask("echo", "b", 1, patient)).toEqual({ argument: 1, key: "b" });
  expect(counts("gpu")).toEqual({ abandoned: 0, restarts: 0 });
  await expect(gpu.ask("hang", "a", 60_000, 50)).rejects.toMatchObject({ code: "PROBE_TIMEOUT" });
  expect(await gpu.ask("echo", "b", 1, patient)).toEqual({ argument: 1, key: "b" });
  expect(counts("gpu")).toEqual({ abandoned: 1, restarts: 1 });
  // Both are still in the old process.
  expect(gpu.inFlight().map(({ key }) => key)).toEqual(["thread", "a"]);
});

test("starts no ninth process beside eight that hang, and says so at once", async () => {
  const { gpu, counts, started } = start();
  for (let index = 0; index < 8; index += 1) {
    await gpu.ask("echo", `warm ${index}`, 1, patient);
    await expect(gpu.ask("hang", `dead ${index}`, 60_000, 10)).rejects.toMatchObject({
      code: "PROBE_TIMEOUT",
    });
    await waitUntil(() => counts("gpu").abandoned === index + 1);
  }
  await expect(gpu.ask("echo", "a", 1, patient)).rejects.toMatchObject({
    code: "PROBE_FAILED",
    message: "the gpu probe hangs in 8 processes",
  });
  expect(started).toHaveLength(8);
});

test("a child that dies fails its call with its last words, and is started anew for the others", async () => {
  const { gpu, counts, lines } = start();
  const dying = gpu.ask("die", "a", null, patient);
  const waiting = gpu.ask("echo", "b", 2, patient);
  await expect(dying).rejects.toMatchObject({
    code: "PROBE_FAILED",
    message: "the gpu probe ended with 3 (the driver broke the process)",
  });
  expect(await waiting).toEqual({ argument: 2, key: "b" });
  await expect(gpu.ask("crash", "a", null, patient)).rejects.toMatchObject({
    message: "the gpu probe was ended by SIGSEGV",
  });
  expect(counts("gpu")).toEqual({ abandoned: 0, restarts: 1 });
  expect(lines.join("")).toContain("the driver broke the process");
});

test("a child that ends at every start is started ever more rarely, and asking it fails at once", async () => {
  const { gpu, started } = start(join(repositoryRoot, "no-such-program.ts"));
  const before = performance.now();
  await expect(gpu.ask("echo", "a", 1, 1200)).rejects.toMatchObject({ code: "PROBE_TIMEOUT" });
  expect(performance.now() - before).toBeGreaterThan(1000);
  await waitUntil(() => started.length === 2);
  await waitUntil(() => started.every((pid) => !isAlive(pid)));
  await expect(gpu.ask("echo", "a", 1, 50)).rejects.toMatchObject({ code: "PROBE_FAILED" });
});

test("closing fails what is outstanding, and an idle child ends by itself", async () => {
  const { gpu, close, started } = start();
  await gpu.ask("echo", "a", 1, patient);
  const outstanding = gpu.ask("hangInThread", "a", 60_000, patient);
  close();
  await expect(outstanding).rejects.toMatchObject({ code: "PROBE_FAILED" });
  await expect(gpu.ask("echo", "b", 1, patient)).rejects.toMatchObject({ code: "PROBE_FAILED" });
  await waitUntil(() => !isAlive(started[0] ?? 0));
});

/** A program with probes of its own: prints its child's process, then what `then` says. */
function spawnAgent(then: string): ChildProcessByStdio<null, Readable, null> {
  const script = `
    import { createProbes } from ${JSON.stringify(join(repositoryRoot, "agent/probes/process.ts"))};
    import { createEnv } from ${JSON.stringify(join(repositoryRoot, "core/kit/env.ts"))};
    import { createLog } from ${JSON.stringify(join(repositoryRoot, "core/kit/log.ts"))};
    const env = createEnv();
    const log = createLog({ clock: env.clock, write: () => undefined });
    const probes = createProbes(env, log, { gpu: { program: ${JSON.stringify(program)} } });
    console.log(await probes.gpu.ask("processId", "a", null, ${patient}));
    ${then}
  `;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("an agent ends at once beside a probe that hangs in a call, and leaves it alone", async () => {
  const agent = spawnAgent(`
    probes.gpu.ask("hang", "a", 60_000, 60_000).catch(() => undefined);
    setTimeout(() => process.kill(process.pid, "SIGTERM"), 300);
    process.once("SIGTERM", () => {
      probes.close();
      setImmediate(() => console.log("closed", performance.now()));
    });
    process.once("exit", () => console.log("ended", performance.now()));
  `);
  const output = (await agent.stdout.setEncoding("utf8").toArray()).join("");
  const [pid, closed, ended] = output.match(/[\d.]+/g)?.map(Number) ?? [];
  onTestFinished(() => void process.kill(pid ?? 0, "SIGKILL"));
  expect(output).toMatch(/closed .*\nended /);
  expect((ended ?? Number.NaN) - (closed ?? Number.NaN)).toBeLessThan(1000);
  expect(isAlive(pid ?? 0)).toBe(true);
});

test("a child whose agent was killed ends by itself", async () => {
  const agent = spawnAgent(`process.kill(process.pid, "SIGKILL");`);
  const output = (await agent.stdout.setEncoding("utf8").toArray()).join("");
  expect(output).toMatch(/^\d+\n$/);
  await waitUntil(() => !isAlive(Number(output)));
});
