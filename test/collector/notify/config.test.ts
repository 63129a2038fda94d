import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { ConfigError, formatIssue, parseConfig } from "../../../core/kit/config.ts";
import { makeFolder } from "../../kit/folder.ts";

const schema = z.strictObject({ notifiers: notifiersSchema });

function sentences(yaml: string): string[] {
  try {
    parseConfig(yaml, "collector.yaml", schema);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.issues.map(formatIssue);
    throw thrown;
  }
  return [];
}

test.each([
  [
    "notifiers:\n  - type: pagerduty\n",
    "collector.yaml:2: notifiers.0.routing_key: give either routing_key or routing_key_file",
  ],
  [
    "notifiers:\n  - type: pagerduty\n    routing_key_file: /nowhere/key\n",
    "collector.yaml:3: notifiers.0.routing_key_file: the secret file /nowhere/key can't be read (ENOENT)",
  ],
  [
    "notifiers:\n  - type: webhook\n    url: ftp://host/\n",
    "collector.yaml:3: notifiers.0.url: must be an http:// or https:// address",
  ],
  [
    "notifiers:\n  - type: webhook\n    url: http://a/\n    timeout: 3 seconds\n",
    'collector.yaml:4: notifiers.0.timeout: "3 seconds" is not a duration; write it as 15s, 1m30s or 2h',
  ],
  [
    "notifiers:\n  - type: webhook\n    url: http://a/\n    uri: http://a/\n",
    "collector.yaml:4: notifiers.0.uri: is not a setting",
  ],
  [
    "notifiers:\n  - type: webhook\n    url: http://a/\n  - type: webhook\n    url: http://b/\n",
    'collector.yaml:4: notifiers.1.name: "webhook" is taken by another notifier: give this one a name of its own',
  ],
  [
    "notifiers:\n  - type: alertmanager\n    urls: [http://a]\n    hold: 1m\n",
    "collector.yaml:4: notifiers.0.hold: must be at least three times refresh, or alerts expire between two repetitions",
  ],
  [
    "notifiers:\n  - type: slack\n",
    "collector.yaml:2: notifiers.0.token_file: give either webhook_url_file or token_file",
  ],
  [
    "notifiers:\n  - type: slack\n    token_file: /etc/hostname\n",
    "collector.yaml:2: notifiers.0.channel: goes with token_file and is needed there; a webhook has its own channel",
  ],
  [
    "notifiers:\n  - type: slack\n    webhook_url_file: /etc/hostname\n",
    "collector.yaml:3: notifiers.0.webhook_url_file: the secret file /etc/hostname doesn't hold an http:// or https:// address",
  ],
  [
    "notifiers:\n  - type: stdout\n    group_by: [node, 3d]\n",
    'collector.yaml:3: notifiers.0.group_by.1: is not a label name, nor "..." for all labels',
  ],
  [
    'notifiers:\n  - type: stdout\n    group_by: [node, "..."]\n',
    'collector.yaml:3: notifiers.0.group_by: has labels beside "...", which stands for all of them',
  ],
  [
    "notifiers:\n  - type: stdout\n    repeat_interval: 10s\n",
    "collector.yaml:3: notifiers.0.repeat_interval: must be 1m or more, or 0 for never",
  ],
  [
    "notifiers:\n  - type: stdout\n    rate: 60\n",
    "collector.yaml:3: notifiers.0.rate: must be none, or as in {notifications: 60, per: 1m}, with 1s to 1d",
  ],
  [
    "notifiers:\n  - type: stdout\n    digest: 2d\n",
    "collector.yaml:3: notifiers.0.digest: must be between 1m and 1d, or 0 to tell info like anything else",
  ],
  [
    "notifiers:\n  - type: alertmanager\n    urls: [http://a]\n    group_by: [node]\n",
    "collector.yaml:4: notifiers.0.group_by: is not a setting",
  ],
])("says what is wrong with %j", (yaml, sentence) => {
  expect(sentences(yaml)).toEqual([sentence]);
});

test("makes a notifier per receiver, with a name each", () => {
  const yaml = `
notifiers:
  - { type: alertmanager, urls: ["http://one:9093", "http://two:9093/base"] }
  - { type: pagerduty, routing_key: "0123456789" }
  - { type: webhook, name: chat, url: "https://hooks.example/x" }
`;
  const { notifiers } = parseConfig(yaml, "collector.yaml", schema);
  const made = createNotifiers(notifiers, { clock: createSystemClock(), consoleUrl: "" });
  expect(made.map((notifier) => notifier.name)).toEqual([
    "alertmanager/one:9093/",
    "alertmanager/two:9093/base",
    "pagerduty",
    "chat",
  ]);
});

test("is told as its type is, but for what its settings say", () => {
  const yaml = `
notifiers:
  - { type: pagerduty, routing_key: "0123456789" }
  - { type: webhook, url: "https://hooks.example/x", group_by: [node], rate: { notifications: 5, per: 10s } }
  - { type: pagerduty, name: each, routing_key: "0123456789", group_by: ["..."], rate: none, storm: 0 }
`;
  const { notifiers } = parseConfig(yaml, "collector.yaml", schema);
  const made = createNotifiers(notifiers, { clock: createSystemClock(), consoleUrl: "" });
  expect(
    made.map(({ policy }) => [policy.groupBy, policy.rate?.notifications, policy.storm]),
  ).toEqual([
    [["alertname", "cluster", "node"], 60, 20],
    [["node"], 5, 0],
    [null, undefined, 0],
  ]);
});

test("a secret doesn't print, wherever it came from, and a file may change", () => {
  const file = join(makeFolder(), "key");
  writeFileSync(file, "first-key\n");
  const [entry] = notifiersSchema.parse([{ type: "pagerduty", routing_key_file: file }]);
  if (entry?.type !== "pagerduty") throw new Error("the schema lost the type");
  expect(entry.routing_key_file?.reveal()).toBe("first-key");
  writeFileSync(file, "second-key");
  expect(entry.routing_key_file?.reveal()).toBe("second-key");
  const shown = `${JSON.stringify(entry)} ${inspect(entry)}`;
  expect(shown).toContain("<secret>");
  expect(shown).not.toContain("key\n");
  expect(shown).not.toContain("second-key");
});

test("without the section there is nothing to notify", () => {
  expect(parseConfig("{}", "collector.yaml", schema)).toEqual({ notifiers: [] });
});
