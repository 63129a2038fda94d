import { expect, test } from "vitest";
import { z } from "zod";
import {
  escalationsSchema,
  type Escalation,
} from "../../../../collector/notify/incident/escalation.ts";
import { collectorSchema } from "../../../../collector/config.ts";
import { ConfigError, formatIssue, parseConfig } from "../../../../core/kit/config.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { chat, gpuAlert, inShort, pager, startScene } from "../../../kit/incident-scene.ts";
import { destination, keyOf } from "../../../kit/planning.ts";

function escalationsOf(yaml: string): Escalation[] {
  return parseConfig(yaml, "test", z.strictObject({ escalation: escalationsSchema })).escalation;
}

const escalations = escalationsOf(`
escalation:
  - name: gpu
    match: { component: gpu, severity: /critical|page/ }
    tiers:
      - { after: 0s, notifiers: [chat] }
      - { after: 15m, notifiers: [pager] }
`);

test("the second tier hears of it when nobody has acknowledged, and both hear of its end", async () => {
  const { fire, end, pass, told } = startScene([chat(), pager], { escalations });
  fire(gpuAlert(0));
  expect(inShort(told("chat"))).toEqual(["trigger fired 1"]);
  await pass(15 * 60 - 1);
  expect(told("pager")).toEqual([]);
  await pass(1);
  const [escalated] = told("pager");
  expect(escalated?.occasion).toBe("escalated");
  expect(escalated?.escalation).toEqual({ name: "gpu", tier: 2, afterMilliseconds: 900_000 });
  end(gpuAlert(0));
  expect([told("chat").at(-1)?.action, told("pager").at(-1)?.action]).toEqual([
    "resolve",
    "resolve",
  ]);
});

test("an acknowledgement stops tiers and repetitions, over a restart too", async () => {
  const folder = makeFolder();
  const before = startScene([chat(), pager], { escalations, folder });
  before.fire(gpuAlert(0));
  before.told("chat");
  const taken = before.planner.acknowledge(keyOf(gpuAlert(0)), "ada", "on it");
  expect(taken?.[0]?.acknowledged).toMatchObject({ by: "ada", comment: "on it" });
  const [told] = before.told("chat");
  expect([told?.action, told?.acknowledgement?.by]).toEqual(["acknowledge", "ada"]);
  before.close();
  const after = startScene([chat(), pager], { escalations, folder, clock: before.clock });
  after.told("chat");
  await after.pass(5 * 3600);
  expect([after.told("chat"), after.told("pager")]).toEqual([[], []]);
  after.end(gpuAlert(0));
  expect(inShort(after.told("chat"))).toEqual(["resolve fired 1"]);
  expect(after.told("pager")).toEqual([]);
}, 60_000);

test("a new critical alert in an acknowledged incident calls people again, and the tiers begin anew", async () => {
  const { fire, pass, told, planner } = startScene([chat(), pager], { escalations });
  fire(gpuAlert(0));
  planner.acknowledge(gpuAlert(0).fingerprint, "ada", "");
  await pass(600);
  told("chat");
  fire(gpuAlert(1));
  expect(inShort(told("chat"))).toEqual(["trigger reopened 2"]);
  await pass(899);
  expect(told("pager")).toEqual([]);
  await pass(1);
  expect(inShort(told("pager"))).toEqual(["trigger escalated 2"]);
});

test("acknowledging takes on alerts: whoever holds no others is acknowledged with them", () => {
  const hook = destination("hook", { hearsAcknowledgements: true });
  const byNode = destination("by-node", { ...pager.policy, groupBy: ["cluster"] });
  const { fire, told, planner, state } = startScene([pager, hook, byNode]);
  fire(gpuAlert(0), gpuAlert(1), gpuAlert(0, "node-08"));
  for (const name of ["pager", "hook", "by-node"]) told(name);
  planner.acknowledge(keyOf(gpuAlert(0)), "ada", "");
  const actions = ["pager", "hook", "by-node"].map((name) =>
    told(name).map(({ action }) => action),
  );
  expect(actions).toEqual([["acknowledge"], ["acknowledge", "acknowledge"], []]);
  planner.acknowledge(keyOf(gpuAlert(0)), "grace", "");
  expect(told("pager")).toEqual([]);
  expect(planner.acknowledge("beef", "ada", "")).toBeNull();
  const entries = state.audit.list({
    sinceMilliseconds: 0,
    kind: "acknowledgement",
    before: 0,
    limit: 9,
  });
  expect(entries.map(({ actor }) => actor)).toEqual(["grace", "ada"]);
});

test("who is in no escalation is told at once, and of what no escalation matches everybody is", () => {
  const { fire, told } = startScene([chat({ waitMilliseconds: 0 }), pager, destination("hook")], {
    escalations: escalationsOf(
      "escalation: [{ name: a, match: { node: node-07 }, tiers: [{ after: 0s, notifiers: [chat] }] }, { name: b, match: { node: never }, tiers: [{ after: 1m, notifiers: [pager] }] }]",
    ),
  });
  fire(gpuAlert(0));
  expect(["chat", "pager", "hook"].map((name) => told(name).length)).toEqual([1, 0, 1]);
  fire(gpuAlert(0, "node-08"));
  expect(["chat", "pager", "hook"].map((name) => told(name).length)).toEqual([1, 1, 1]);
});

test("what nobody acknowledges is repeated as the escalation or the notifier says", async () => {
  const [escalation] = escalations;
  const often = [{ ...escalation, repeatMilliseconds: 120_000 }] as Escalation[];
  const scene = startScene([chat()], { escalations: often });
  scene.fire(gpuAlert(0));
  scene.fire(gpuAlert(0, "node-08", "warning"));
  scene.told();
  await scene.pass(245);
  expect(inShort(scene.told())).toEqual([
    "trigger fired 1",
    "trigger repeated 1",
    "trigger repeated 1",
  ]);
  await scene.pass(4 * 3600);
  expect(scene.told().filter(({ alert }) => alert.labels["node"] === "node-08")).toHaveLength(1);
}, 60_000);

function sentences(yaml: string): string[] {
  try {
    parseConfig(yaml, "collector.yaml", collectorSchema);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.issues.map(formatIssue);
    throw thrown;
  }
  return [];
}

test.each([
  [
    "  - name: a\n    tiers:\n      - after: 0s\n        notifiers: [stdout, gone]\n",
    'collector.yaml:6: escalation.0.tiers.0.notifiers.1: no notifier is called "gone"',
  ],
  [
    "  - name: a\n    tiers:\n      - { after: 5m, notifiers: [stdout] }\n      - { after: 1m, notifiers: [other] }\n",
    "collector.yaml:6: escalation.0.tiers.1.after: must be later than the tier before",
  ],
  [
    "  - name: a\n    tiers:\n      - { after: 0s, notifiers: [stdout] }\n      - { after: 1m, notifiers: [stdout] }\n",
    'collector.yaml:6: escalation.0.tiers.1.notifiers.0: "stdout" stands in this escalation twice',
  ],
  [
    "  - name: a\n    match: { team: /(/ }\n    tiers: [{ after: 0s, notifiers: [stdout] }]\n",
    'collector.yaml:4: escalation.0.match.team: "(" is not a regular expression: unterminated group',
  ],
])("says what is wrong with %j", (section, sentence) => {
  const notifiers = "notifiers: [{ type: stdout }, { type: stdout, name: other }]\n";
  expect(sentences(`${notifiers}escalation:\n${section}`)).toEqual([sentence]);
});
