import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeFolder } from "../kit/folder.ts";
import { freePort, startProgram, untilAnswered } from "../kit/programs.ts";
import { repositoryRoot } from "../kit/sources.ts";

const binary = join(repositoryRoot, "bin/warpwatch.js");
const olderNode = findOlderNode();

/** The machine's own Node.js, where it is one that can't run the program itself. */
function findOlderNode(): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const folder of folders.filter((one) => !one.includes("node_modules"))) {
    const node = join(folder, "node");
    const { stdout, status } = spawnSync(node, ["--version"], { encoding: "utf8" });
    if (status !== 0) continue;
    const major = Number(/^v(\d+)/.exec(stdout)?.[1]);
    if (major >= 18 && major < 24) return node;
  }
  return null;
}

describe("the launcher", () => {
  it("says in one sentence that there is nothing to run", () => {
    const folder = makeFolder();
    mkdirSync(join(folder, "bin"));
    cpSync(binary, join(folder, "bin/warpwatch.js"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const { status, stderr } = spawnSync(process.execPath, [join(folder, "bin/warpwatch.js")], {
      encoding: "utf8",
    });
    expect(stderr).toMatch(/^warpwatch: there is nothing to run: .*\n$/);
    expect(status).toBe(1);
  });
});

describe.skipIf(olderNode === null)("the launcher under an older Node.js", () => {
  const node = olderNode ?? "";

  it("hands over to the one that npm brought along, exit code included", () => {
    const { status, stderr } = spawnSync(node, [binary, "nonsense"], { encoding: "utf8" });
    expect(stderr).toContain("nonsense: there is no such command");
    expect(status).toBe(2);
  });

  it("passes signals on", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const agent = startProgram(node, [
      binary,
      "agent",
      `--web.listen-address=${address}`,
      `--state.folder=${makeFolder()}`,
    ]);
    onTestFinished(() => void agent.stop());
    await untilAnswered(`http://${address}/-/healthy`, agent);
    expect(await agent.stop()).toBe(0);
  });

  it("says what to install when there is no newer one", () => {
    const folder = makeFolder();
    mkdirSync(join(folder, "bin"));
    mkdirSync(join(folder, "dist"));
    cpSync(binary, join(folder, "bin/warpwatch.js"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "dist/warpwatch.js"), "");
    const { status, stderr } = spawnSync(node, [join(folder, "bin/warpwatch.js")], {
      encoding: "utf8",
    });
    expect(stderr).toMatch(/^warpwatch: Warpwatch needs Node\.js 24 or later and this is v\d+/);
    expect(status).toBe(1);
  });
});
