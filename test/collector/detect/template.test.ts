import { describe, expect, it } from "vitest";
import { fillTemplate, placeholdersOf } from "../../../collector/detect/template.ts";

describe("a rule's text", () => {
  it.each([
    ["{{ node }} at {{ value }}", "n1 at 0.1235"],
    ["{{node}}{{value|percent}}", "n112.35 %"],
    ["{{ missing }}.", "."],
    ["{{ not closed", "{{ not closed"],
    ["{{ value | percent }} of {{ node }}", "12.35 % of n1"],
  ])("fills %s", (template, text) => {
    expect(fillTemplate(template, { node: "n1" }, 0.123456)).toBe(text);
  });

  it("prints whole and unusual numbers as they are", () => {
    const print = (value: number) => fillTemplate("{{ value }}", {}, value);
    expect([90, 1e6, -0.5, Infinity, 1234567.8].map(print)).toEqual([
      "90",
      "1000000",
      "-0.5",
      "Infinity",
      "1235000",
    ]);
  });

  it("writes seconds as Prometheus does", () => {
    const print = (value: number) => fillTemplate("{{ value | duration }}", {}, value);
    expect([0, 59.994, 60, 3723.9, 90_000, -61, Infinity].map(print)).toEqual([
      "0s",
      "59.99s",
      "1m 0s",
      "1h 2m 3s",
      "1d 1h 0m 0s",
      "-1m 1s",
      "Infinitys",
    ]);
  });

  it("never fills what a label's value brought in", () => {
    expect(fillTemplate("{{ node }}", { node: "{{ value }} $& $1" }, 1)).toBe("{{ value }} $& $1");
  });

  it("lists its placeholders", () => {
    expect(placeholdersOf("{{ a }} {{ value | percent }}")).toEqual([
      { name: "a", format: "" },
      { name: "value", format: "percent" },
    ]);
  });
});
