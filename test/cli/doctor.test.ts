import { describe, expect, it } from "vitest";
import { reportText } from "../../cli/doctor.ts";
import { createTerminal } from "../../cli/terminal.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, startWarpwatch, type Program } from "../kit/programs.ts";

async function run(
  ...flags: readonly string[]
): Promise<{ code: number | null; program: Program }> {
  const port = await freePort();
  const program = startWarpwatch([
    "doctor",
    `--state.folder=${makeFolder()}`,
    `--agent.address=127.0.0.1:${port}`,
    `--collector.address=127.0.0.1:${port}`,
    ...flags,
  ]);
  return { code: await program.ended(), program };
}

describe("warpwatch doctor", () => {
  it("prints a line per check, plain where it is no terminal, and exits with 0 when nothing fails", async () => {
    const { code, program } = await run();
    expect(code, program.output()).toBe(0);
    expect(program.output()).toMatch(/^ {2}ok +kernel files: /m);
    expect(program.output()).toMatch(/^ {2}unknown +agent: none runs on this machine$/m);
    expect(program.output()).toMatch(/^12 checks: \d+ ok/m);
    expect(program.output()).not.toContain("\u001b");
  });

  it("exits with 1 when something fails, and gives programs one document", async () => {
    const { code, program } = await run("--json", `--path.procfs=${makeFolder()}`);
    expect(code).toBe(1);
    const document = JSON.parse(program.output()) as {
      ok: boolean;
      checks: { name: string; verdict: string; found: string; remedy: string }[];
    };
    expect(document.ok).toBe(false);
    expect(document.checks[0]).toMatchObject({ name: "kernel files", verdict: "fail" });
    expect(document.checks).toHaveLength(12);
  });

  it("says why and what to do under what isn't well only", () => {
    const output = { write: () => {} };
    const terminal = createTerminal({ output, errors: output, variables: {} });
    const common = { meaning: "it matters", found: "found", remedy: "" };
    const text = reportText(
      "n1",
      null,
      [
        { ...common, name: "one", verdict: "ok" },
        { ...common, name: "two", verdict: "fail", remedy: "mend it" },
      ],
      terminal,
    );
    expect(text.split("\n").slice(2)).toEqual([
      "  ok       one: found",
      "  fail     two: found",
      "  why      it matters",
      "  do       mend it",
      "",
      "2 checks: 1 ok, 1 fail",
    ]);
  });
});
