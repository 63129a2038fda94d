import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { makeFolder } from "../../kit/folder.ts";
import { createRandom } from "../../kit/random.ts";
import {
  openHistory,
  parquetSamples,
  repeatedSamples,
  startMilliseconds as start,
  storedSamples,
} from "./kit.ts";
import { valueOf, writerGpus, type WriterSettings } from "./writer-process.ts";

const kills = 20;
const origins = 3;

test("loses nothing acknowledged and repeats nothing when killed at twenty random instants", async () => {
  const folder = makeFolder();
  const random = createRandom(20_261_122);
  const acknowledged = Array.from({ length: origins }, () => -1);
  for (let kill = 0; kill < kills; kill += 1) {
    const next = acknowledged.map((sequence) => sequence + 1);
    await runAndKill({ folder, next, base: start }, acknowledged, random.between(0, 900));
    await expectComplete(folder, acknowledged);
  }
  expect(Math.min(...acknowledged)).toBeGreaterThan(kills);
  // Some of it must have been compacted along the way, or the kills tried nothing of that.
  expect((await parquetSamples(folder)).length).toBeGreaterThan(0);
}, 240_000);

/** Notes what was acknowledged until the process is killed, some time after its first word. */
async function runAndKill(
  settings: WriterSettings,
  acknowledged: number[],
  milliseconds: number,
): Promise<void> {
  const program = join(import.meta.dirname, "writer-process.ts");
  const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const spoken = once(child.stdout, "data");
  child.stdout.on("data", (part: Buffer) => (text += part.toString()));
  await spoken;
  await delay(milliseconds);
  child.kill("SIGKILL");
  await once(child, "close");
  // The last line may have been cut off: what it says isn't an acknowledgement yet.
  for (const line of text.split("\n").slice(0, -1)) {
    const [origin = "", sequence = ""] = line.split(" ");
    acknowledged[Number(origin)] = Number(sequence);
  }
}

/** Opens the folder as the next collector would, and reads all there is as any tool would. */
async function expectComplete(folder: string, acknowledged: readonly number[]): Promise<void> {
  await openHistory(folder, { retentionMilliseconds: start + 1e12 }).close();
  const samples = await storedSamples(folder);
  expect(repeatedSamples(samples)).toEqual([]);
  const found = new Map(
    samples.map(({ labels, node, milliseconds, value }) => {
      const { gpu } = JSON.parse(labels) as { gpu: string };
      return [`${node} ${gpu} ${(milliseconds - start) / 1000}`, value];
    }),
  );
  const lost: string[] = [];
  acknowledged.forEach((last, index) => {
    for (let sequence = 0; sequence <= last; sequence += 1)
      for (const gpu of writerGpus) {
        const key = `node-${index} ${gpu} ${sequence}`;
        if (found.get(key) !== valueOf(sequence, gpu)) lost.push(key);
      }
  });
  expect(lost).toEqual([]);
}
