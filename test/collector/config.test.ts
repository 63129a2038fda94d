import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { defaultRules } from "../../alerts/all.ts";
import {
  collectorSchema,
  defaultCollectorConfig,
  loadCollectorConfig,
} from "../../collector/config.ts";
import { ConfigError, formatIssue, parseConfig } from "../../core/kit/config.ts";

const parse = (text: string) => parseConfig(text, "collector.yaml", collectorSchema);

/** Every mistake of the text, as a user reads it. */
function mistakesIn(text: string): string[] {
  try {
    parse(text);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.issues.map(formatIssue);
    throw thrown;
  }
}

describe("the collector's configuration", () => {
  it("has a default for everything", () => {
    const config = defaultCollectorConfig();
    expect(config).toMatchObject({
      listen: { host: "127.0.0.1", port: 9411 },
      scrape: [],
      notifiers: [],
      ingest: { seriesPerOrigin: 10_000, lateMilliseconds: 300_000 },
      fleet: { file: "", goneMilliseconds: 300_000, maximumNodes: 10_000 },
    });
    expect(config.rules).toEqual(defaultRules);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it("takes jobs, rules and notifiers", () => {
    const config = parse(`
listen: "[::1]:8000"
host_names: [collector.example]
state_folder: /var/lib/warpwatch
scrape:
  - job: dcgm
    interval: 1s
    targets: ["10.0.0.1:9400"]
    labels: {cluster: a}
  - job: node
    timeout: 5s
    files: [/etc/targets/*.yaml]
rules:
  GpuHot: {threshold: 90, for: 30s, severity: critical}
  GpuMemoryNearlyFull: {enabled: false}
own_rules:
  - {alert: InletHot, metric: inlet_celsius, op: ">", threshold: 35, severity: info, summary: "hot"}
notifiers:
  - {type: webhook, url: "http://127.0.0.1:1/"}
`);
    expect(config.listen).toEqual({ host: "::1", port: 8000 });
    expect(config.scrape[0]).toMatchObject({
      intervalMilliseconds: 1000,
      timeoutMilliseconds: 1000,
    });
    expect(config.scrape[1]).toMatchObject({
      intervalMilliseconds: 15_000,
      timeoutMilliseconds: 5000,
    });
    const names = config.rules.map(({ name }) => name);
    expect(names).not.toContain("GpuMemoryNearlyFull");
    expect(names).toContain("InletHot");
    expect(config.rules.find(({ name }) => name === "GpuHot")).toMatchObject({
      severity: "critical",
      forMilliseconds: 30_000,
      condition: { right: 90, clear: 85 },
    });
    expect(config.notifiers).toHaveLength(1);
  });

  const mistakes: [name: string, text: string, expected: RegExp][] = [
    ["broken YAML", "listen: [\n", /^collector\.yaml:\d: /],
    ["a tab as indentation", "scrape:\n\t- job: a\n", /^collector\.yaml:2: /],
    ["a key that is there twice", "listen: a:1\nlisten: b:2\n", /^collector\.yaml:2: .*unique/],
    ["an unknown key", "listne: x\n", /^collector\.yaml:1: listne: is not a setting$/],
    [
      "an unknown key further in",
      "fleet:\n  file: x\n  flie: y\n",
      /^collector\.yaml:3: fleet\.flie: is not a setting$/,
    ],
    ["a list instead of a map", "- listen\n", /^collector\.yaml:1: .*expected object/],
    [
      "a number for a text",
      "state_folder: 5\n",
      /^collector\.yaml:1: state_folder: .*expected string/,
    ],
    [
      "an address without a port",
      "listen: localhost\n",
      /^collector\.yaml:1: listen: "localhost" is not an address/,
    ],
    [
      "a port that can't be",
      "listen: a:99999\n",
      /is not an address; write it as 127\.0\.0\.1:9411/,
    ],
    [
      "an URL that isn't",
      "external_url: ftp://x\n",
      /external_url: must be an http:\/\/ or https:\/\/ address/,
    ],
    ["a bound of nothing", "ingest:\n  origins: 0\n", /^collector\.yaml:2: ingest\.origins: /],
    [
      "a broken duration",
      "scrape:\n  - job: a\n    interval: 5 minutes\n",
      /^collector\.yaml:3: scrape\.0\.interval: "5 minutes" is not a duration; write it as 15s/,
    ],
    [
      "a duration without a unit",
      "scrape:\n  - job: a\n    interval: 15\n",
      /^collector\.yaml:3: scrape\.0\.interval: .*expected string/,
    ],
    [
      "an interval that is too short",
      "scrape:\n  - {job: a, interval: 100ms}\n",
      /scrape\.0\.interval: must be from 1s to 5m/,
    ],
    [
      "a duration past all reason",
      "rules:\n  GpuHot:\n    for: 400d\n",
      /^collector\.yaml:3: rules\.GpuHot\.for: must be a year or less/,
    ],
    [
      "a time-out over the interval",
      "scrape:\n  - job: a\n    timeout: 20s\n",
      /^collector\.yaml:3: scrape\.0\.timeout: must not exceed the interval/,
    ],
    ["a job without a name", "scrape:\n  - interval: 1s\n", /^collector\.yaml:2: scrape\.0\.job: /],
    [
      "a job that is there twice",
      "scrape:\n  - job: a\n  - job: a\n",
      /^collector\.yaml:3: scrape\.1\.job: is there twice/,
    ],
    [
      "a target with a path",
      "scrape:\n  - job: a\n    targets:\n      - a:1\n      - a:1/metrics\n",
      /^collector\.yaml:5: scrape\.0\.targets\.1: "a:1\/metrics" is not an address; write it as host:port/,
    ],
    [
      "a label that can't be",
      "scrape:\n  - job: a\n    targets: [a:1]\n    labels: {9a: x}\n",
      /^collector\.yaml:4: scrape\.0\.labels\.9a: /,
    ],
    [
      "a rule that isn't",
      "rules:\n  GpuHot:\n    for: 1m\n  GpuHott:\n    for: 1m\n",
      /^collector\.yaml:4: rules\.GpuHott: no rule is called that; did you mean GpuHot\? docs\/alerts\.md lists them$/,
    ],
    [
      "an unknown setting of a rule",
      "rules:\n  GpuHot:\n    treshold: 1\n",
      /^collector\.yaml:3: rules\.GpuHot\.treshold: is not a setting/,
    ],
    [
      "a threshold as text",
      "rules:\n  GpuHot:\n    threshold: hot\n",
      /^collector\.yaml:3: rules\.GpuHot\.threshold: .*expected number/,
    ],
    [
      "a severity that isn't",
      "rules:\n  GpuHot:\n    severity: fatal\n",
      /^collector\.yaml:3: rules\.GpuHot\.severity: /,
    ],
    [
      "a threshold to clear on the bad side",
      "rules:\n  GpuHot:\n    clear: 95\n",
      /rules\.GpuHot: clear \(95\) must be on the good side of the threshold/,
    ],
    [
      "an own rule with the name of ours",
      "own_rules:\n  - {alert: GpuHot, metric: a, op: '>', threshold: 1, severity: info, summary: s}\n",
      /own_rules\.0\.alert: is the name of a built-in rule/,
    ],
    [
      "an own rule with two measures",
      "own_rules:\n  - alert: Abcd\n    metric: a\n    rate: 5m\n    increase: 5m\n    op: '>'\n    threshold: 1\n    severity: info\n    summary: s\n",
      /^collector\.yaml:5: own_rules\.0\.increase: only one of rate, increase, /,
    ],
    [
      "two own rules with one name",
      "own_rules:\n  - &r {alert: Abcd, metric: a, op: '>', threshold: 1, severity: info, summary: s}\n  - *r\n",
      /own_rules\.1\.alert: is there twice/,
    ],
    [
      "a text with a format that isn't",
      "own_rules:\n  - {alert: Abcd, metric: a, op: '>', threshold: 1, severity: info, summary: '{{ value | roman }}'}\n",
      /own_rules\.0\.summary: has no format "roman"/,
    ],
    [
      "a metric that can't be",
      "own_rules:\n  - {alert: Abcd, metric: a b, op: '>', threshold: 1, severity: info, summary: s}\n",
      /own_rules\.0\.metric: is not a metric's name/,
    ],
    [
      "a notifier of no known kind",
      "notifiers:\n  - {type: pigeon}\n",
      /^collector\.yaml:2: notifiers\.0\.type: /,
    ],
  ];

  it.each(mistakes)("names %s by file, line and key", (_name, text, expected) => {
    const found = mistakesIn(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found.join("\n")).toMatch(new RegExp(expected.source, "m"));
    for (const sentence of found) expect(sentence).not.toMatch(/\n|\bat .+:\d+:\d+/);
  });

  it("names every mistake at once", () => {
    expect(mistakesIn("listen: x\nnothing: 1\nrules:\n  Nope: {}\n")).toHaveLength(3);
  });
});

describe("the configuration file", () => {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-config-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is read from disk", () => {
    const file = join(folder, "collector.yaml");
    writeFileSync(file, "listen: :1\n");
    expect(loadCollectorConfig(file).listen).toEqual({ host: "::", port: 1 });
  });

  it("that isn't there is named", () => {
    expect(() => loadCollectorConfig(join(folder, "none.yaml"))).toThrow(
      /can't be read \(ENOENT\)/,
    );
  });
});
