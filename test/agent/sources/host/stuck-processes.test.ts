import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { statText } from "../../../hosts/gpu-server-pods.ts";
import type { HostTree } from "../../../hosts/tree.ts";
import { drive, openOutcome } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const stuck = sourceNamed("stuck_processes");

function process(number: number, command: string, letter: string, began = 5000): HostTree {
  return { [`proc/${number}/stat`]: statText(number, command, letter, began) };
}

const count = (command: string, state: string): string =>
  `warpwatch_stuck_processes{command="${command}",state="${state}"}`;
const longest = (command: string): string =>
  `warpwatch_process_uninterruptible_seconds{command="${command}"}`;

test("tells a process that is in uninterruptible sleep at two looks, and for how long by now", async () => {
  const driven = await drive(stuck, {
    ...process(1, "init", "S"),
    ...process(77, "nvidia (x) D", "D"),
    ...process(78, "python3", "Z"),
    ...process(79, "python3", "Z"),
  });
  expect(Object.fromEntries(await driven.read())).toEqual({
    [count("other", "uninterruptible")]: 0,
    [count("other", "zombie")]: 0,
    warpwatch_process_scan_seconds: 0,
  });
  const second = await driven.read();
  expect(second.get(count("nvidia (x) D", "uninterruptible"))).toBe(1);
  expect(second.get(longest("nvidia (x) D"))).toBe(1);
  expect(second.get(count("python3", "zombie"))).toBe(2);
  expect(second.get(longest("python3"))).toBe(0);
  await driven.clock.advance(120_000);
  expect((await driven.read()).get(longest("nvidia (x) D"))).toBe(122);
});

test("begins anew with a process that got the number of another, and forgets one that runs again", async () => {
  const driven = await drive(stuck, { ...process(77, "dd", "D"), ...process(78, "cp", "D") });
  await driven.read();
  await driven.read();
  driven.change({ ...process(77, "dd", "D", 6000), ...process(78, "cp", "R") });
  await driven.read();
  const later = await driven.read();
  expect(later.get(longest("dd"))).toBe(1);
  expect(later.get(count("cp", "uninterruptible"))).toBe(0);
});

test("keeps a command's series for ten minutes after its last stuck process", async () => {
  const driven = await drive(stuck, process(77, "dd", "D"));
  await driven.read();
  await driven.read();
  driven.change(process(77, "dd", "S"));
  await driven.clock.advance(590_000);
  expect((await driven.read()).get(count("dd", "uninterruptible"))).toBe(0);
  await driven.clock.advance(20_000);
  expect((await driven.read()).has(count("dd", "uninterruptible"))).toBe(false);
  expect(driven.changes).toBe(2);
});

test("counts what is over the bounds under other", async () => {
  const many: Record<string, string> = {};
  for (let number = 1; number <= 600; number += 1)
    many[`proc/${number}/stat`] = statText(number, `command${number % 60}`, "Z");
  const driven = await drive(stuck, many);
  await driven.read();
  const samples = await driven.read();
  const zombies = [...samples].filter(([name]) => name.includes('state="zombie"'));
  expect(zombies).toHaveLength(50);
  expect(zombies.reduce((sum, [, value]) => sum + value, 0)).toBe(600);
  expect(samples.get(count("other", "zombie"))).toBeGreaterThan(88);
});

test("survives a process that goes and one whose file is nonsense", async () => {
  const driven = await drive(stuck, {
    ...process(1, "init", "S"),
    ...process(77, "dd", "D"),
    "proc/78/stat": "78 (half",
    "proc/79/stat": "",
  });
  await driven.read();
  rmSync(join(driven.root, "proc/77"), { recursive: true });
  const samples = await driven.read();
  expect(samples.get(count("other", "uninterruptible"))).toBe(0);
  expect(samples.has(longest("dd"))).toBe(false);
});

test("is absent where no process can be seen, and says what to mount", async () => {
  expect(await openOutcome(stuck, { proc: null })).toMatch(/--path\.procfs/);
});
