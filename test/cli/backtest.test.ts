import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backtestCommand, readSeries } from "../../cli/backtest.ts";
import { createTerminal } from "../../cli/terminal.ts";
import { createEnv } from "../../core/kit/env.ts";
import { makeFolder } from "../kit/folder.ts";
import { createRandom } from "../kit/random.ts";

const random = createRandom(5);
/** A day at five minutes that steps up in the evening. */
const steps = Array.from({ length: 288 }, (_, index) => {
  const time = new Date(Date.UTC(2026, 0, 1) + index * 300_000).toISOString();
  return `${time},${(index < 200 ? 40 : 70) + random.between(-1, 1)}`;
});

async function run(lines: readonly string[], flags: Record<string, string> = {}) {
  const file = join(makeFolder(), "series.csv");
  writeFileSync(file, `timestamp,value\n${lines.join("\n")}\n`);
  const printed: string[] = [];
  const complaints: string[] = [];
  const terminal = createTerminal({
    output: { write: (text) => void printed.push(text) },
    errors: { write: (text) => void complaints.push(text) },
    variables: {},
  });
  const code = await backtestCommand.run({
    flags: { csv: file, ...flags },
    operands: [],
    env: createEnv(),
    terminal,
    signal: new AbortController().signal,
  });
  return { code, printed, complaints: complaints.map((line) => line.replace(file, "FILE")) };
}

describe("warpwatch backtest", () => {
  it("prints when a series left what was usual, and a summary", async () => {
    const { code, printed } = await run(steps);
    expect(code).toBe(0);
    expect(printed[0]).toMatch(
      /^2026-01-01T1[67]:.*Z {2}score .* expected [34].* is 7.*; [34].* is usual/,
    );
    expect(printed.at(-1)).toMatch(/^1 findings in 288 samples, \d+ surprising samples, 0 lines/);
  });

  it("prints the date at which a limit is reached", async () => {
    const lines = Array.from(
      { length: 40 },
      (_, index) => `${1_767_225_600 + index * 60},${100 - index}`,
    );
    const { printed } = await run(lines, { detector: "forecast", limit: "0" });
    expect(printed[0]).toContain("reaches 0 at 2026-01-01 01:40 UTC (2026-01-01 01:40 UTC to");
  });

  it("names lines that can't be used and goes on with the others", async () => {
    const { code, complaints, printed } = await run([
      "never,1",
      "2026-01-01T00:00:00Z,much",
      "2026-01-01T00:05:00Z,1",
      "2026-01-01T00:05:00Z,2",
      "2026-01-01 00:10:00,",
    ]);
    expect(code).toBe(0);
    expect(complaints).toEqual([
      'FILE:2: "never" is not a time\n',
      'FILE:3: "much" is not a number\n',
      "FILE:5: its time is not after that of the line before\n",
      'FILE:6: "" is not a number\n',
    ]);
    expect(printed.at(-1)).toContain("in 1 samples");
    expect((await run([])).code).toBe(1);
  });

  it("says in one sentence which flag is wrong", async () => {
    await expect(run(steps, { detector: "peers" })).rejects.toThrow(/--detector: "peers"/);
    await expect(run(steps, { detector: "forecast" })).rejects.toThrow(/--limit: .*number/);
    await expect(run(steps, { csv: "/nowhere.csv" })).rejects.toThrow(/nowhere.csv can't be read/);
    expect(readSeries("time,value\n1,2\n", "timestamp", "value").mistakes).toEqual([
      "1: there is no column timestamp among time, value",
    ]);
  });
});
