import { describe, expect, it } from "vitest";
import { createAlertLines } from "../../cli/alert-lines.ts";
import { createTerminal } from "../../cli/terminal.ts";
import type { Alert, AlertState } from "../../collector/state/alert.ts";

const output = { write: () => true };
const terminal = createTerminal({ output, errors: output, variables: {} });

function alert(fingerprint: string, state: AlertState, summary = "It is hot"): Alert {
  return {
    fingerprint,
    rule: "GpuHot",
    labels: { severity: "critical" },
    annotations: { summary },
    state,
    unknown: false,
    value: 1,
    activeAtMilliseconds: 0,
    firedAtMilliseconds: 1000,
    resolvedAtMilliseconds: 0,
  };
}

describe("the lines of alerts", () => {
  it("tell of each alert once when it fires and once when it is over", () => {
    const lines = createAlertLines(terminal);
    expect(lines.since([alert("a", "pending")], 0)).toEqual([]);
    expect(lines.since([alert("a", "firing")], 1000)).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d {2}firing {4}critical {2}GpuHot {2}It is hot$/),
    ]);
    expect(lines.since([alert("a", "firing")], 2000)).toEqual([]);
    expect(lines.since([], 3000)).toEqual([expect.stringContaining("resolved")]);
    expect(lines.since([], 4000)).toEqual([]);
  });

  it("keep what came from outside from driving the terminal", () => {
    const lines = createAlertLines(terminal);
    const [line] = lines.since([alert("a", "firing", "\u001b]0;owned\u0007\nx")], 0);
    expect(line).not.toContain("\u001b");
    expect(line).not.toContain("\n");
  });
});
