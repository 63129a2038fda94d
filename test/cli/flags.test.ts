import { describe, expect, it } from "vitest";
import { parseLine } from "../../cli/flags.ts";
import type { FlagTable } from "../../cli/command.ts";

const table = {
  "web.listen-address": { type: "string", value: "host:port", help: "Where." },
  "web.host": { type: "string", multiple: true, value: "name", help: "Who." },
  synthetic: { type: "boolean", value: "", help: "Whether." },
} as const satisfies FlagTable;

describe("the command line", () => {
  it("gives the flags that were given and nothing for the others", () => {
    const line = parseLine(["--synthetic", "--web.host=a", "--web.host", "b", "file"], table);
    expect(line.flags).toEqual({ synthetic: true, "web.host": ["a", "b"] });
    expect(line.operands).toEqual(["file"]);
  });

  it("asks for help before it minds anything else", () => {
    expect(parseLine(["--nonsense", "-h"], table).wantsHelp).toBe(true);
  });

  it.each([
    [
      ["--web.listen-adress=x"],
      "--web.listen-adress: there is no such flag; did you mean --web.listen-address?",
    ],
    [["--zzz"], "--zzz: there is no such flag"],
    [["--web.listen-address"], "--web.listen-address: needs a value, host:port"],
    [["--synthetic=yes"], "--synthetic: takes no value"],
    [["--toString"], "--toString: there is no such flag"],
  ])("refuses %s with one sentence", (args, sentence) => {
    expect(() => parseLine(args, table)).toThrow(sentence);
  });

  it("gives a flag that may stand alone its own value then, and the given one otherwise", () => {
    const bare = {
      compat: { type: "string", bare: ":9100", value: "host:port", help: "" },
    } as const;
    expect(parseLine(["--compat"], bare).flags).toEqual({ compat: ":9100" });
    expect(parseLine(["--compat=:1", "--", "--compat"], bare).flags).toEqual({ compat: ":1" });
    expect(parseLine(["--compat", "file"], bare).operands).toEqual(["file"]);
  });
});
