import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { createPushStack, storedSequences, type PushStack } from "../kit/push-stack.ts";
import { startWarpwatch } from "../kit/programs.ts";

let stack: PushStack;
afterEach(() => stack?.stop());

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (performance.now() < deadline) {
    if (await check()) return;
    await delay(100);
  }
  throw new Error(`not within 90 s: ${what}`);
}

/** Every sequence from the first to the last of each boot, once. */
function expectWhole(folder: string): number {
  const boots = storedSequences(folder);
  let frames = 0;
  for (const sequences of boots.values()) {
    const first = sequences[0] ?? 0;
    expect(sequences).toEqual(sequences.map((_, index) => first + index));
    expect(first).toBe(1);
    frames += sequences.length;
  }
  return frames;
}

test("a collector killed mid-stream, an outage longer than memory and an agent started anew leave no gap and no double", async () => {
  stack = await createPushStack();
  let collector = await stack.startCollector();
  let agent = await stack.startAgent("--sampling.fast-period=100ms");
  // Killed while frames are on their way, and at once there again.
  for (let kill = 0; kill < 3; kill += 1) {
    await delay(700 + 130 * kill);
    collector.child.kill("SIGKILL");
    await collector.ended();
    collector = await stack.startCollector();
  }
  // Away for longer than frames wait in memory.
  await delay(1000);
  collector.child.kill("SIGKILL");
  await collector.ended();
  await until("frames in the spool", async () => {
    return (await stack.agentMetric("warpwatch_agent_push_spooled_frames")) > 30;
  });
  // The agent too is started anew: what it had in memory goes to the spool with the rest.
  expect(await agent.stop()).toBe(0);
  agent = await stack.startAgent("--sampling.fast-period=100ms");
  collector = await stack.startCollector();
  await until("an empty spool", async () => {
    return (await stack.agentMetric("warpwatch_agent_push_spooled_frames")) === 0;
  });
  expect(await stack.agentMetric("warpwatch_agent_push_dropped_frames_total")).toBe(0);
  expect(await agent.stop()).toBe(0);
  expect(await collector.stop()).toBe(0);
  expect(storedSequences(stack.folder).size).toBe(2);
  expect(expectWhole(stack.folder)).toBeGreaterThan(150);
}, 240_000);

test("an event is at the collector at once, and one from an outage when that is over", async () => {
  stack = await createPushStack();
  let collector = await stack.startCollector();
  await stack.startAgent();
  const latencies: number[] = [];
  const inject = async (): Promise<void> => {
    const program = startWarpwatch([
      "inject",
      "xid",
      "--gpu=1",
      "--code=48",
      `--state.folder=${stack.folder}/agent`,
    ]);
    const code = await program.ended();
    if (code !== 0) throw new Error(program.output());
  };
  const events = async (): Promise<{ kind: string; timeMilliseconds: number }[]> => {
    const answer = (await stack.ask("/api/v1/events")) as {
      events: { kind: string; timeMilliseconds: number }[];
    };
    return answer.events.filter(({ kind }) => kind === "xid");
  };
  await inject();
  await until("the event", async () => {
    const found = await events();
    const [event] = found;
    if (event) latencies.push(Date.now() - event.timeMilliseconds);
    return found.length === 1;
  });
  // A synthetic fault is seen with the round that reads it, up to a second after it began.
  expect(latencies[0]).toBeLessThan(1400);
  collector.child.kill("SIGKILL");
  await collector.ended();
  await inject();
  await delay(1500);
  collector = await stack.startCollector();
  await until("the event of the outage", async () => (await events()).length === 2);
}, 180_000);

test("a node whose agent fell silent is missing, as one that is scraped is", async () => {
  stack = await createPushStack();
  await stack.startCollector();
  const agent = await stack.startAgent();
  const nodes = async (): Promise<string[]> => {
    const answer = (await stack.ask("/api/v1/nodes")) as { nodes: { state: string }[] };
    return answer.nodes.map(({ state }) => state);
  };
  await until("the node", async () => (await nodes()).includes("up"));
  agent.child.kill("SIGKILL");
  await agent.ended();
  await until("its loss", async () => (await nodes()).includes("unknown"));
}, 180_000);

test("a wrong token is said in one clear line", async () => {
  stack = await createPushStack();
  await stack.startCollector();
  const agent = await stack.startAgent(`--push.token-file=${stack.folder}/collector/token`);
  await delay(1500);
  expect(await stack.agentMetric("warpwatch_agent_push_failures_total")).toBe(0);
  await agent.stop();
  const other = await stack.startAgent(`--push.token-file=${stack.folder}/agent/token`);
  await until("the complaint", async () => other.output().includes("answered 401"));
  const line = other
    .output()
    .split("\n")
    .find((one) => one.includes("answered 401"));
  expect(line).toContain("that token isn't valid here");
  expect(line).toContain("PUSH_REFUSED");
}, 180_000);
