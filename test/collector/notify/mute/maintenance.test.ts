import { describe, expect, test } from "vitest";
import {
  createMaintenance,
  type Maintenance,
} from "../../../../collector/notify/mute/maintenance.ts";
import { maintenanceSchema } from "../../../../collector/notify/mute/maintenance-settings.ts";
import { ConfigError, formatIssue, parseConfig } from "../../../../core/kit/config.ts";

function read(yaml: string): Maintenance {
  return createMaintenance(parseConfig(yaml, "c.yaml", maintenanceSchema));
}

/** The mistakes, as people see them. */
function mistakes(yaml: string): string[] {
  try {
    read(yaml);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.issues.map(formatIssue);
    throw thrown;
  }
}

function iso(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}

const patching = `
- name: patching
  cron: "0 2 * * 6"
  timezone: Europe/Berlin
  duration: 4h
  match: { cluster: a }
  matchers: ['node=~"gpu-.*"']
  comment: drivers
`;

describe("a maintenance window", () => {
  test("is open from its start for as long as it lasts, and says when it comes next", () => {
    const maintenance = read(patching);
    const at = (text: string): (string | undefined)[] => {
      const [window] = maintenance.windows(Date.parse(text));
      return [
        iso(window?.active?.startsAtMilliseconds),
        iso(window?.active?.endsAtMilliseconds),
        iso(window?.next?.startsAtMilliseconds),
      ];
    };
    expect(at("2026-11-21T00:59:59Z")).toEqual([undefined, undefined, "2026-11-21T01:00:00.000Z"]);
    const open = [
      "2026-11-21T01:00:00.000Z",
      "2026-11-21T05:00:00.000Z",
      "2026-11-28T01:00:00.000Z",
    ];
    expect(at("2026-11-21T01:00:00Z")).toEqual(open);
    expect(at("2026-11-21T04:59:59.999Z")).toEqual(open);
    expect(at("2026-11-21T05:00:00Z")).toEqual([undefined, undefined, "2026-11-28T01:00:00.000Z"]);
    // The clock is set back.
    expect(at("2026-11-21T03:00:00Z")).toEqual(open);
  });

  test("is known to a collector that starts in the midst of it", () => {
    expect(read(patching).isOpen("patching", Date.parse("2026-11-21T03:12:34Z"))).toBe(true);
    expect(read(patching).isOpen("patching", Date.parse("2026-11-22T03:12:34Z"))).toBe(false);
  });

  test("lasts as long as it says when the clocks change within it", () => {
    const night = read(`
- { name: night, cron: "0 1 * * *", timezone: Europe/Berlin, duration: 4h, everything: true }`);
    const [spring] = night.windows(Date.parse("2026-03-29T02:00:00Z"));
    expect(iso(spring?.active?.startsAtMilliseconds)).toBe("2026-03-29T00:00:00.000Z");
    expect(iso(spring?.active?.endsAtMilliseconds)).toBe("2026-03-29T04:00:00.000Z");
    const [autumn] = night.windows(Date.parse("2026-10-25T02:30:00Z"));
    expect(iso(autumn?.active?.startsAtMilliseconds)).toBe("2026-10-24T23:00:00.000Z");
    expect(iso(autumn?.active?.endsAtMilliseconds)).toBe("2026-10-25T03:00:00.000Z");
  });

  test("that begins anew before it is over stays open", () => {
    const hourly = read(`
- { name: hourly, cron: "0 * * * *", duration: 90m, match: { node: a } }`);
    const [window] = hourly.windows(Date.parse("2026-11-21T01:10:00Z"));
    expect(iso(window?.active?.endsAtMilliseconds)).toBe("2026-11-21T02:30:00.000Z");
    expect(hourly.isOpen("hourly", Date.parse("2026-11-21T02:29:00Z"))).toBe(true);
  });

  test("concerns what all its matchers match, or everything when that is said", () => {
    const maintenance = read(
      `${patching}- { name: all, cron: "0 3 * * *", duration: 1h, everything: true }\n`,
    );
    expect(maintenance.matching({ cluster: "a", node: "gpu-1" })).toEqual(["patching", "all"]);
    expect(maintenance.matching({ cluster: "a", node: "cpu-1" })).toEqual(["all"]);
    expect(maintenance.matching({ cluster: "b", node: "gpu-1" })).toEqual(["all"]);
  });

  test.each([
    ["cron: every night", 'c.yaml:3: 0.cron: "every night" is not a schedule'],
    ["timezone: Mars/Olympus", 'c.yaml:4: 0.timezone: "Mars/Olympus" is not a time zone'],
    ["duration: 4 hours", "c.yaml:5: 0.duration: "],
    ["duration: 30s", "c.yaml:5: 0.duration: must be between 1m and 168h"],
    ["matchers: ['node~x']", 'c.yaml:7: 0.matchers.0: "node~x" is not a matcher'],
    ["matchers: ['node=~\"(\"']", "c.yaml:7: 0.matchers.0: "],
    ["colour: red", "c.yaml:9: 0.colour: is not a setting"],
    ["name: ''", "c.yaml:2: 0.name: must be 1 to 100"],
  ])("%s is refused by line and key", (line, mistake) => {
    const [key = ""] = line.split(":", 1);
    const lines = patching.trimEnd().split("\n");
    const index = lines.findIndex((one) => one.trimStart().replace("- ", "").startsWith(`${key}:`));
    const indent = index === 1 ? "- " : "  ";
    if (index < 0) lines.push(`  ${line}`);
    else lines[index] = `${indent}${line}`;
    expect(mistakes(lines.join("\n"))[0]).toContain(mistake);
  });

  test("for the whole fleet must be said on purpose, and a name is there once", () => {
    const open = `- { name: a, cron: "0 3 * * *", duration: 1h }`;
    expect(mistakes(open)).toEqual([
      "c.yaml:1: 0.match: would silence the whole fleet: say which alerts, or say everything: true",
    ]);
    const vague = `- { name: a, cron: "0 3 * * *", duration: 1h, matchers: ['node=~".*"'] }`;
    expect(mistakes(vague)[0]).toContain("0.matchers: would silence the whole fleet");
    const said = `- { name: a, cron: "0 3 * * *", duration: 1h, everything: true }`;
    expect(mistakes(`${said}\n${said}`)).toEqual(["c.yaml:2: 1.name: is there twice"]);
  });
});
