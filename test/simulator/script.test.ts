import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError, formatIssue } from "../../core/kit/config.ts";
import { faultDefinitions, faultKinds } from "../../simulator/fault-kinds.ts";
import { isScenarioName, scenarioNames } from "../../simulator/scenarios.ts";
import { builtInScenario, loadScenario, parseScenario } from "../../simulator/script.ts";

const size = { nodes: 4, gpusPerNode: 8 };

/** The sentences a broken script is refused with. */
function complaints(text: string): string[] {
  try {
    parseScenario(text, "faults.yaml", size);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.issues.map(formatIssue);
    throw thrown;
  }
  return [];
}

describe("a fault script", () => {
  it("is read with its durations, and with defaults where it says nothing", () => {
    const scenario = parseScenario(
      `
time_scale: 60
faults:
  - { at: 1m30s, node: 3, gpu: 7, kind: fan_failure, severity: 0.9, duration: 2h }
  - { at: 0s, node: 0, kind: filesystem_fill, mountpoint: / }
`,
      "faults.yaml",
      size,
    );
    expect(scenario).toEqual({
      workload: "mixed",
      timeScale: 60,
      faults: [
        {
          atMilliseconds: 90_000,
          node: 3,
          gpu: 7,
          kind: "fan_failure",
          severity: 0.9,
          durationMilliseconds: 7_200_000,
          code: null,
          mountpoint: null,
        },
        {
          atMilliseconds: 0,
          node: 0,
          gpu: null,
          kind: "filesystem_fill",
          severity: 0.5,
          durationMilliseconds: null,
          code: null,
          mountpoint: "/",
        },
      ],
    });
  });

  it("may be empty", () => {
    expect(parseScenario("", "faults.yaml")).toEqual({
      workload: "mixed",
      timeScale: 1,
      faults: [],
    });
  });

  const fault = (rest: string): string => `faults:\n  - { at: 1s, node: 0, ${rest} }\n`;
  it.each([
    ["broken YAML", "faults: [\n  - {", /^faults\.yaml:\d+: .+/],
    ["an unknown key", "fautls: []", /^faults\.yaml:1: fautls: is not a setting$/],
    [
      "an unknown key of a fault",
      "faults:\n  - at: 1s\n    node: 0\n    kind: node_vanish\n    servity: 1",
      /^faults\.yaml:5: faults\.0\.servity: is not a setting$/,
    ],
    [
      "a wrong type",
      fault("gpu: three, kind: ecc_storm"),
      /^faults\.yaml:2: faults\.0\.gpu: .*number/,
    ],
    [
      "an unknown kind",
      fault("gpu: 1, kind: meteor"),
      /^faults\.yaml:2: faults\.0\.kind: .*thermal_runaway/,
    ],
    [
      "a bad duration",
      fault("gpu: 1, kind: ecc_storm, duration: soon"),
      /^faults\.yaml:2: faults\.0\.duration: "soon" is not a duration; write it as 15s/,
    ],
    [
      "a number where a duration belongs",
      "faults:\n  - { at: 30, node: 0, kind: node_vanish }",
      /^faults\.yaml:2: faults\.0\.at: .*string/,
    ],
    [
      "a duration of 0",
      fault("gpu: 1, kind: ecc_storm, duration: 0s"),
      /^faults\.yaml:2: faults\.0\.duration: has to be longer than 0$/,
    ],
    [
      "a severity over 1",
      fault("gpu: 1, kind: ecc_storm, severity: 3"),
      /faults\.0\.severity: .*1/,
    ],
    ["a missing node", "faults:\n  - { at: 1s, kind: node_vanish }", /faults\.0\.node: /],
    [
      "a node that isn't there",
      "faults:\n  - { at: 1s, node: 4, kind: node_vanish }",
      /^faults\.yaml:2: faults\.0\.node: there is no node 4; the fleet has 4, from 0$/,
    ],
    [
      "a GPU that isn't there",
      fault("gpu: 8, kind: ecc_storm"),
      /^faults\.yaml:2: faults\.0\.gpu: there is no gpu 8; a node has 8, from 0$/,
    ],
    [
      "a GPU's fault without its GPU",
      fault("kind: ecc_storm"),
      /^faults\.yaml:2: faults\.0\.gpu: ecc_storm needs a gpu$/,
    ],
    [
      "a node's fault with a GPU",
      fault("gpu: 0, kind: node_vanish"),
      /^faults\.yaml:2: faults\.0\.gpu: node_vanish strikes a whole node; take gpu out$/,
    ],
    [
      "an xid without its code",
      fault("gpu: 0, kind: xid"),
      /faults\.0\.code: an xid needs its code/,
    ],
    [
      "a code on something else",
      fault("gpu: 0, kind: ecc_storm, code: 79"),
      /faults\.0\.code: only an xid has a code/,
    ],
    [
      "a duration on what happens once",
      fault("gpu: 0, kind: xid, code: 79, duration: 5s"),
      /faults\.0\.duration: xid happens once/,
    ],
    [
      "a duration on what hands have to mend",
      fault("gpu: 0, kind: row_remap_failure, duration: 5s"),
      /faults\.0\.duration: row_remap_failure stays until/,
    ],
    [
      "a mountpoint that isn't there",
      fault("kind: filesystem_fill, mountpoint: /home"),
      /faults\.0\.mountpoint: .*\/scratch/,
    ],
    [
      "a mountpoint on something else",
      fault("kind: node_vanish, mountpoint: /"),
      /faults\.0\.mountpoint: only filesystem_fill/,
    ],
    ["a time scale of 0", "time_scale: 0", /^faults\.yaml:1: time_scale: /],
  ])("refuses %s in one sentence with file, line and key", (_, text, expected) => {
    const found = complaints(text);
    expect(found.length).toBeGreaterThan(0);
    for (const line of found) expect(line).not.toContain("\n");
    expect(found[0]).toMatch(expected);
  });

  it("names every mistake, not just the first", () => {
    const found = complaints(
      "workload: party\nfaults:\n  - { at: 1s, node: 9, kind: ecc_storm }\n  - { at: x, node: 0, kind: node_vanish }",
    );
    expect(found.map((line) => line.split(": ")[1])).toEqual(
      expect.arrayContaining(["workload", "faults.1.at"]),
    );
  });

  it("says so when the file can't be read", () => {
    expect(() => loadScenario("/no/such/faults.yaml")).toThrow(
      /^\/no\/such\/faults\.yaml: can't be read \(ENOENT\)$/,
    );
  });
});

describe("the scenarios that come along", () => {
  it("can be played on two nodes of eight", () => {
    for (const name of scenarioNames)
      expect(() => builtInScenario(name, { nodes: 2, gpusPerNode: 8 })).not.toThrow();
    expect(builtInScenario("quiet").faults).toEqual([]);
    expect(builtInScenario("demo").faults.map((fault) => fault.kind)).toEqual(
      expect.arrayContaining(["thermal_runaway", "gpu_off_bus", "filesystem_fill"]),
    );
  });

  it("refuse a fleet that is too small, by line and key", () => {
    expect(() => builtInScenario("demo", { nodes: 1, gpusPerNode: 8 })).toThrow(
      /^scenario demo:\d+: faults\.0\.node: there is no node 1/,
    );
  });

  it("are told from file names", () => {
    expect(["demo", "quiet", "toString", "demo.yaml"].map(isScenarioName)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("docs/simulator.md", () => {
  const page = readFileSync(new URL("../../docs/simulator.md", import.meta.url), "utf8");
  const cells = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  it("has a row for each kind of fault, with the meaning of its severity", () => {
    expect(cells.map((row) => [row[1]?.replaceAll("`", ""), row[4]])).toEqual(
      faultKinds.map((kind) => [kind, faultDefinitions[kind].severity]),
    );
  });

  it("has an example that can be played", () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
    expect(parseScenario(example, "docs/simulator.md", size).faults).toHaveLength(3);
  });
});
