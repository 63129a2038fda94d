import { describe, expect, it } from "vitest";
import { createTerminal, row, wrap } from "../../cli/terminal.ts";

function terminal(isTTY: boolean, variables: Record<string, string> = {}) {
  const written: string[] = [];
  const output = { isTTY, columns: 60, write: (text: string) => written.push(text) };
  return { written, terminal: createTerminal({ output, errors: output, variables }) };
}

describe("the terminal", () => {
  it("paints for a person", () => {
    expect(terminal(true).terminal.paint("bad", "x")).toBe("\u001b[31mx\u001b[39m");
  });

  it.each([
    ["a pipe", false, {}],
    ["NO_COLOR", true, { NO_COLOR: "1" }],
    ["a dumb terminal", true, { TERM: "dumb" }],
  ])("is plain for %s", (_, isTTY, variables) => {
    expect(terminal(isTTY, variables).terminal.paint("bad", "x")).toBe("x");
  });

  it("wraps between words and never inside one", () => {
    expect(wrap("one two a-very-long-word three", 8)).toEqual([
      "one two",
      "a-very-long-word",
      "three",
    ]);
  });

  it("hangs a row's text beside its label", () => {
    expect(row("label", "a b c d e f g h i j k l m", { labelColumns: 6, columns: 30 })).toBe(
      "  label   a b c d e f g h i j\n          k l m",
    );
  });

  it("has the text of a label that is wider than its column begin below it", () => {
    expect(row("a-wide-label", "a b c", { labelColumns: 6, columns: 30 })).toBe(
      "  a-wide-label\n          a b c",
    );
  });
});
