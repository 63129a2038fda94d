/**
 * The whole agent against a fake host on a clock that stands still: its page, sample for sample, beside the one that was
 * agreed on. `npx vitest run test/e2e/golden.test.ts -u` writes it anew; what changed is then read in the diff.
 */
import { spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { agentConfigFromFlags } from "../../agent/config.ts";
import { startAgent } from "../../agent/main.ts";
import { realSources } from "../../agent/sources/all.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { readersOf } from "../agent/sources/host/readers-of.ts";
import { workstation } from "../hosts/workstation.ts";
import { writeHost } from "../hosts/tree.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import { makeFolder } from "../kit/folder.ts";
import { hasProgram } from "../kit/programs.ts";

/** The process's own state, and the room on the disk on which the fake host lies. */
const unstable =
  /^(# (HELP|TYPE|UNIT) )?(process_|nodejs_|warpwatch_(http|agent|process|probe|source_(duration|in_flight|last_read))|node_filesystem_(size|avail|free|files))/;

test("the page of a workstation is the one that was agreed on", async () => {
  const page = await pageOfWorkstation();
  await expect(page).toMatchFileSnapshot("golden/workstation.prom");
  if (!hasProgram("promtool")) return;
  const check = spawnSync("promtool", ["check", "metrics"], { input: page, encoding: "utf8" });
  expect([0, 3], check.stderr).toContain(check.status);
});

async function pageOfWorkstation(): Promise<string> {
  const root = makeFolder();
  const { procfs, sysfs, rootfs } = writeHost(root, workstation());
  const env = createEnv({ node: "desk-7", clock: createFakeClock() });
  const agent = await startAgent({
    env,
    log: createLog({ clock: env.clock, write: () => {} }),
    config: agentConfigFromFlags(
      {
        "web.listen-address": "127.0.0.1:0",
        "state.folder": makeFolder(),
        "path.procfs": procfs,
        "path.sysfs": sysfs,
        "path.rootfs": rootfs,
      },
      {},
    ),
    // Those that ask files alone: the others would answer for the machine that the test runs on.
    sources: realSources().filter(({ name }) => readersOf.has(name)),
  });
  onTestFinished(() => agent.stop());
  const page = await (await fetch(`${agent.address}/metrics`)).text();
  return (
    page
      .replaceAll(root, "")
      // Why a source is absent is for its own test to say.
      .replaceAll(/reason="[^"]+"/g, 'reason="…"')
      .split("\n")
      .filter((line) => !unstable.test(line))
      .join("\n")
  );
}
