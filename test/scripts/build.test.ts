import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { makeFolder } from "../kit/folder.ts";
import { freePort, startProgram, untilAnswered } from "../kit/programs.ts";
import { repositoryRoot } from "../kit/sources.ts";

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: repositoryRoot,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return stdout;
}

describe("what ships", () => {
  it("is JavaScript that runs by itself in a folder of its own, and nothing else", async () => {
    run(process.execPath, ["scripts/build.ts"]);
    const folder = makeFolder();
    run("npm", ["pack", "--silent", `--pack-destination=${folder}`]);
    run("tar", ["-xzf", join(folder, `warpwatch-${manifest.version}.tgz`), "-C", folder]);
    const root = join(folder, "package");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" });
    expect(files.filter((file) => file.endsWith(".ts"))).toEqual([]);
    expect(readdirSync(root).toSorted()).toEqual(
      ["LICENSE", "README.md", "bin", "dist", "package.json"].toSorted(),
    );
    const binary = join(root, "bin/warpwatch.js");
    expect(run(process.execPath, [binary, "--version"])).toBe(`${manifest.version}\n`);

    const address = `127.0.0.1:${await freePort()}`;
    const console = `127.0.0.1:${await freePort()}`;
    const program = startProgram(process.execPath, [
      binary,
      "up",
      `--agent.listen-address=${address}`,
      `--collector.listen-address=${console}`,
      `--state.folder=${join(folder, "state")}`,
    ]);
    onTestFinished(() => void program.stop());
    await untilAnswered(`http://${address}/-/ready`, program);
    const page = await (await fetch(`http://${address}/metrics`)).text();
    expect(page).toContain("node_cpu_seconds_total{");
    expect((await fetch(`http://${console}/console.js`)).status).toBe(200);
    expect(await program.stop()).toBe(0);
  });
});
