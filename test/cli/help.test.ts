import { expect, it } from "vitest";
import { agentCommand } from "../../cli/agent.ts";
import { commandText } from "../../cli/help.ts";
import type { Terminal } from "../../cli/terminal.ts";

const terminal: Terminal = {
  interactive: false,
  coloured: false,
  columns: 100,
  paint: (_tone, text) => text,
  print: () => undefined,
  complain: () => undefined,
};

it("lists collectors as words under a heading that says how each is switched", () => {
  const text = commandText("agent", agentCommand, terminal);
  const [, on = ""] = text.split("--no-collector.<name> leaves one out:\n");
  expect(on).toMatch(/^ {2}arp, [\s\S]*, zfs$/m);
  const [, off = ""] = text.split("--collector.<name> takes one in:\n");
  expect(off).toMatch(/^ {2}buddyinfo, /);
  expect(text).not.toContain("--no-collector.arp ");
  // Those that have a group of their own come after those that have none.
  expect(text.indexOf("--log.level")).toBeLessThan(text.indexOf("--collector.vmstat.fields"));
});
