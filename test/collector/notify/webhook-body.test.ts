import { assert, property, string } from "fast-check";
import { expect, test } from "vitest";
import { bodyTemplateSchema, fillBody } from "../../../collector/notify/webhook-body.ts";
import type { WebhookDocument } from "../../../collector/notify/webhook-document.ts";

const document: WebhookDocument = {
  version: 1,
  action: "trigger",
  dedup_key: "abc",
  rule: "GpuHot",
  labels: { node: "n1", gpu: "3" },
  annotations: { summary: 'GPU 3 says "hot"' },
  value: 93.5,
  active_at: "2026-01-01T00:00:00.000Z",
  fired_at: "2026-01-01T00:01:00.000Z",
  resolved_at: null,
  occasion: "fired",
  kind: "alerts",
  alerts: 1,
  members: [],
  escalation: null,
  acknowledged: null,
};

test("texts are filled, and what isn't a text stays as it is", () => {
  const template = {
    title: "{{ rule }} on {{labels.node}}: {{ annotations.summary }}",
    tags: ["gpu-{{ labels.gpu }}", true, 7, null],
  };
  expect(JSON.parse(fillBody(template, document))).toEqual({
    title: 'GpuHot on n1: GPU 3 says "hot"',
    tags: ["gpu-3", true, 7, null],
  });
});

test("a text that is one placeholder keeps the type of what it stands for", () => {
  const template = { value: "{{ value }}", labels: "{{ labels }}", ended: "{{ resolved_at }}" };
  expect(JSON.parse(fillBody(template, document))).toEqual({
    value: 93.5,
    labels: { node: "n1", gpu: "3" },
    ended: null,
  });
});

test("within a longer text objects are JSON, and what isn't there is empty", () => {
  const template = "labels {{ labels }}, rack [{{ labels.rack }}], {{ labels.node.deeper }}";
  expect(JSON.parse(fillBody(template, document))).toBe(
    'labels {"node":"n1","gpu":"3"}, rack [], ',
  );
});

test("no path leads out of the document", () => {
  const template = ["{{ labels.constructor }}", "{{ labels.__proto__ }}", "{{ rule.length }}"];
  expect(JSON.parse(fillBody(template, document))).toEqual([null, null, null]);
});

test("whatever a label holds, the body is JSON that says it", () => {
  assert(
    property(string({ unit: "binary" }), (text) => {
      const filled = fillBody({ a: "x{{ labels.node }}" }, { ...document, labels: { node: text } });
      expect(JSON.parse(filled)).toEqual({ a: `x${text}` });
    }),
  );
});

test("a placeholder for which nothing can stand is refused by its name", () => {
  const { error } = bodyTemplateSchema.safeParse({ text: ["{{ lables.node }}"] });
  expect(error?.issues[0]?.message).toMatch(/^\{\{ lables\.node \}\} stands for nothing/);
  expect(bodyTemplateSchema.safeParse({ text: "{{ labels.node }}" }).success).toBe(true);
});

test("a template that is too long is refused", () => {
  expect(bodyTemplateSchema.safeParse("x".repeat(70_000)).success).toBe(false);
});
