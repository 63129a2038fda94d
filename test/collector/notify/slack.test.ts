import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import type { Notifier } from "../../../collector/notify/notifier.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, resolved } from "../../kit/alerts.ts";
import { makeFolder } from "../../kit/folder.ts";
import type { Receiver } from "../../kit/receivers.ts";
import {
  slackToken,
  startSlackApi,
  startSlackWebhook,
  type SlackMessage,
  type SlackReceiver,
} from "../../kit/slack-receiver.ts";
import { describeNotifier, startBench } from "../../suites/notifier-suite.ts";

function makeNotifier(settings: Record<string, unknown>): Notifier {
  const [notifier] = createNotifiers(
    notifiersSchema.parse([
      {
        type: "slack",
        timeout: "1s",
        group_wait: "0",
        dashboards_url: "https://grafana.example/",
        ...settings,
      },
    ]),
    { clock: createSystemClock(), consoleUrl: "http://console.example:9411/" },
  );
  if (!notifier) throw new Error("no notifier was made");
  return notifier;
}

function secretFile(text: string): string {
  const file = join(makeFolder(), "secret");
  writeFileSync(file, `${text}\n`);
  return file;
}

const byWebhook = (receiver: Receiver): Notifier =>
  makeNotifier({ webhook_url_file: secretFile(receiver.url) });

const byToken = (receiver: Receiver): Notifier =>
  makeNotifier({
    token_file: secretFile(slackToken),
    channel: "#gpu-alerts",
    api_url: receiver.url,
  });

function actionOf(body: string): "trigger" | "resolve" {
  return body.includes('"*Resolved: ') ? "resolve" : "trigger";
}

describeNotifier("slack by an incoming webhook", {
  startReceiver: startSlackWebhook,
  makeNotifier: byWebhook,
  secrets: ["hook-secret"],
  actionOf,
});

describeNotifier("slack by a bot's token", {
  startReceiver: startSlackApi,
  makeNotifier: byToken,
  secrets: [slackToken],
  actionOf,
});

async function prepare(): Promise<{
  receiver: SlackReceiver;
  bench: ReturnType<typeof startBench>;
}> {
  const receiver = await startSlackApi();
  onTestFinished(() => receiver.close());
  return { receiver, bench: startBench([byToken(receiver)]) };
}

/** Everything the message's blocks say, and where its buttons lead. */
function textsOf(message: SlackMessage | undefined): string[] {
  return (message?.blocks ?? []).flatMap((block) => {
    if (block.type === "section") return [block.text.text];
    if (block.type === "context") return block.elements.map(({ text }) => text);
    return block.elements.map(({ text, url }) => `${text.text}: ${url}`);
  });
}

test("says what fires, with labels, facts and buttons, in the colour of its severity", async () => {
  const { receiver, bench } = await prepare();
  const { annotations } = makeAlert();
  bench.notify(
    makeAlert({
      annotations: { ...annotations, dashboard_url: "/d/warpwatch-node?var-instance=node 07" },
    }),
  );
  await bench.drained("slack");
  const [message] = receiver.messages;
  expect(message?.text).toBe("*Firing: GPU 3 on node-07 is at 93 °C*");
  expect(message?.color).toBe("#c9252d");
  expect(textsOf(message)).toEqual([
    "The GPU is hotter than its slowdown limit.",
    "*node* node-07\n*gpu* 3\n*UUID* GPU-0\n*team* infrastructure\n*component* gpu",
    "Rule: GpuHot · Severity: critical · Value: 93 · Since: 2026-11-18 11:06:40 UTC",
    "Runbook: https://runbooks.example/GpuHot.md",
    "Dashboard: https://grafana.example/d/warpwatch-node?var-instance=node%2007",
    "Console: http://console.example:9411/",
  ]);
});

test("keeps what comes later in the thread of the first message, seen in the channel too", async () => {
  const { receiver, bench } = await prepare();
  const alert = makeAlert();
  bench.notify(alert);
  bench.notify(resolved(alert));
  bench.notify(alert);
  await bench.drained("slack");
  const { messages } = receiver;
  const first = messages[0]?.ts;
  expect(messages.map(({ thread, broadcast }) => [thread, broadcast])).toEqual([
    ["", false],
    [first, true],
    ["", false],
  ]);
  expect(messages[1]?.color).toBe("#2e9e5b");
  expect(textsOf(messages[1]).join()).toContain("Resolved: 2026-11-18 11:08:10 UTC");
});

test("finds the thread again after a restart", async () => {
  const receiver = await startSlackApi();
  onTestFinished(() => receiver.close());
  const folder = makeFolder();
  const before = startBench([byToken(receiver)], folder);
  before.notify(makeAlert());
  await before.drained("slack");
  await before.close();
  const after = startBench([byToken(receiver)], folder);
  after.notify(resolved(makeAlert()));
  await after.drained("slack");
  expect(receiver.messages[1]?.thread).toBe(receiver.messages[0]?.ts);
});

test("tells it outside where the thread takes nothing more", async () => {
  const { receiver, bench } = await prepare();
  bench.notify(makeAlert());
  await bench.drained("slack");
  receiver.fail("restricted_action_thread_locked");
  bench.notify(resolved(makeAlert()));
  await bench.drained("slack");
  expect(receiver.messages.map(({ thread }) => thread)).toEqual(["", ""]);
  expect(bench.state.outbox.deadLetters()).toEqual([]);
});

test("tries again after an error of Slack's own, and takes any other for final", async () => {
  const { receiver, bench } = await prepare();
  receiver.fail("internal_error", "ratelimited", "is_archived");
  bench.notify(makeAlert());
  await bench.drained("slack");
  expect(receiver.requests).toHaveLength(3);
  expect(bench.state.outbox.deadLetters()).toMatchObject([
    { reason: expect.stringContaining("answered is_archived") },
  ]);
});

test("lets no text of an alert mention, link or go over Slack's limits, and says what was cut", async () => {
  const { receiver, bench } = await prepare();
  const labels = Object.fromEntries(
    Array.from({ length: 64 }, (_, index) => [`label_${index}`, "<&>".repeat(300)]),
  );
  bench.notify(
    makeAlert({
      labels: { ...labels, severity: "warning" },
      annotations: {
        summary: `<!channel> a & b ${"s".repeat(5000)}`,
        description: "🔥&".repeat(4000),
      },
    }),
  );
  await bench.drained("slack");
  expect(bench.state.outbox.deadLetters()).toEqual([]);
  const [message] = receiver.messages;
  expect(message?.text).toMatch(
    /^\*Firing: &lt;!channel&gt; a &amp; b s+… \[\d+ characters cut\]\*$/,
  );
  const [description = "", shownLabels = ""] = textsOf(message);
  expect(description).toMatch(/^(🔥&amp;)+🔥?… \[\d+ characters cut\]$/u);
  expect(shownLabels).toMatch(/\n… \d+ more labels left out$/);
  for (const text of textsOf(message)) {
    expect(text).not.toMatch(/[<>]/);
    expect(text.replaceAll(/&(amp|lt|gt);/g, "")).not.toContain("&");
  }
});
