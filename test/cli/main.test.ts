import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultRules } from "../../alerts/all.ts";
import manifest from "../../package.json" with { type: "json" };
import { makeFolder } from "../kit/folder.ts";
import { startWarpwatch } from "../kit/programs.ts";

async function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const program = startWarpwatch(args);
  return { code: await program.ended(), output: program.output() };
}

describe("the one binary", () => {
  it("prints its version", async () => {
    expect(await run(["--version"])).toEqual({ code: 0, output: `${manifest.version}\n` });
  });

  it.each(["up", "agent", "collector", "check", "inject", "metrics"])(
    "explains %s in lines that fit",
    async (name) => {
      const { code, output } = await run(["help", name]);
      expect(code).toBe(0);
      expect(output).toContain(`Usage: warpwatch ${name}`);
      expect(output.split("\n").filter((line) => line.length > 100)).toEqual([]);
    },
  );

  it.each([
    [["colector"], "colector: there is no such command; did you mean collector?"],
    [["agent", "--nope"], "--nope: there is no such flag"],
    [["agent", "stray"], "stray: agent takes flags only"],
    [["up", "--synthetic.gpus=8"], "--synthetic.gpus: needs --synthetic"],
    [
      ["up", "--synthetic", "--synthetic.gpus=9"],
      "--synthetic.gpus: more than 8 come in nodes of 8",
    ],
    [["up", "--log.level=loud"], '--log.level: "loud" is not debug, info, warn or error'],
    [["check", "--as=nothing", "x"], '--as: "nothing" is not one of'],
  ])("answers %s with one sentence and 2", async (args, sentence) => {
    const { code, output } = await run(args);
    expect(output).toContain(`warpwatch: ${sentence}`);
    expect(output.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it("answers what fails later with one sentence and 1", async () => {
    const file = join(makeFolder(), "file");
    writeFileSync(file, "");
    const { code, output } = await run(["agent", `--state.folder=${file}`]);
    expect(output).toContain("STATE_UNUSABLE");
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });

  it("says that no agent runs where none does", async () => {
    const { code, output } = await run(["inject", "xid", `--state.folder=${makeFolder()}`]);
    expect(output).toContain("CONTROL_FAILED");
    expect(code).toBe(1);
  });
});

describe("check", () => {
  it("names every mistake of every file by file, line and key", async () => {
    const folder = makeFolder();
    const [good, bad, script] = ["good.yml", "bad.yml", "faults.yml"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    writeFileSync(good, "scrape:\n  - job: node\n    targets: [127.0.0.1:9100]\n");
    writeFileSync(
      bad,
      "listen: nowhere\nscrape:\n  - job: node\n    intervall: 5s\n    interval: 5x\n",
    );
    writeFileSync(script, "faults:\n  - { at: 10s, node: 0, kind: straggler }\n");
    const checked = await run(["check", good, bad]);
    expect(checked.code).toBe(1);
    expect(checked.output).toContain(
      `${good}: good, collector configuration: ${defaultRules.length} rules, 1 scrape job`,
    );
    expect(checked.output).toContain(`${bad}:1: listen: "nowhere" is not an address`);
    expect(checked.output).toContain(`${bad}:4: scrape.0.intervall: is not a setting`);
    expect(checked.output).toContain(`${bad}:5: scrape.0.interval: "5x" is not a duration`);
    writeFileSync(good, "scrape_configs:\n  - job_name: node\n    honor_timestamps: true\n");
    const cautious = await run(["check", good]);
    expect(cautious.code).toBe(0);
    expect(cautious.output).toContain(
      `caution: ${good}:3: scrape_configs.0.honor_timestamps: has no effect`,
    );
    const played = await run(["check", "--as=scenario", script]);
    expect(played.output).toContain(`${script}:2: faults.0.gpu: straggler needs a gpu`);
  });

  it("reads the files that a configuration names", async () => {
    const folder = makeFolder();
    const config = join(folder, "collector.yml");
    const targets = join(folder, "targets.yml");
    writeFileSync(config, `scrape:\n  - job: node\n    files: [${targets}]\n`);
    writeFileSync(targets, "- targets: 7\n");
    const { code, output } = await run(["check", config]);
    expect(output).toContain(`${targets}:1: 0.targets: `);
    expect(code).toBe(1);
  });
});
