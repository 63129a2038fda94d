import { expect, onTestFinished, test } from "vitest";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import type { Notifier } from "../../../collector/notify/notifier.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, resolved } from "../../kit/alerts.ts";
import { keyOf } from "../../kit/planning.ts";
import { startPagerDuty, type PagerDutyReceiver, type Receiver } from "../../kit/receivers.ts";
import { describeNotifier, startBench } from "../../suites/notifier-suite.ts";

const routingKey = "R012345678901234567890123456789a";

function makeNotifier(receiver: Receiver): Notifier {
  const [notifier] = createNotifiers(
    notifiersSchema.parse([
      { type: "pagerduty", url: receiver.url, routing_key: routingKey, timeout: "1s" },
    ]),
    { clock: createSystemClock(), consoleUrl: "http://127.0.0.1:9411/" },
  );
  if (!notifier) throw new Error("no notifier was made");
  return notifier;
}

function actionOf(body: string): "trigger" | "resolve" {
  return JSON.parse(body).event_action;
}

describeNotifier("pagerduty", {
  startReceiver: startPagerDuty,
  makeNotifier,
  secrets: [routingKey],
  actionOf,
});

async function prepare(): Promise<{
  receiver: PagerDutyReceiver;
  bench: ReturnType<typeof startBench>;
}> {
  const receiver = await startPagerDuty();
  onTestFinished(() => receiver.close());
  return { receiver, bench: startBench([makeNotifier(receiver)]) };
}

test("sends the event that PagerDuty's contract describes", async () => {
  const { receiver, bench } = await prepare();
  const alert = makeAlert();
  bench.notify(alert);
  await bench.drained("pagerduty");
  expect(JSON.parse(receiver.requests[0]?.body ?? "")).toEqual({
    routing_key: routingKey,
    dedup_key: keyOf(alert),
    event_action: "trigger",
    payload: {
      summary: "GPU 3 on node-07 is at 93 °C",
      source: "node-07",
      severity: "critical",
      timestamp: new Date(alert.firedAtMilliseconds).toISOString(),
      component: "gpu3",
      group: "infrastructure",
      class: "GpuHot",
      custom_details: {
        description: "The GPU is hotter than its slowdown limit.",
        value: 93,
        labels: alert.labels,
        active_since: new Date(alert.activeAtMilliseconds).toISOString(),
        runbook: "https://runbooks.example/GpuHot.md",
      },
    },
    client: "Warpwatch",
    client_url: "http://127.0.0.1:9411/",
    links: [{ href: "https://runbooks.example/GpuHot.md", text: "Runbook" }],
  });
});

test("opens one incident per life cycle and closes it", async () => {
  const { receiver, bench } = await prepare();
  const alert = makeAlert();
  bench.notify(alert);
  bench.notify(resolved(alert));
  bench.notify(alert);
  await bench.drained("pagerduty");
  expect(receiver.incidents).toHaveLength(2);
  expect(receiver.incidents.map((incident) => incident.resolvedAtMilliseconds > 0)).toEqual([
    true,
    false,
  ]);
});

test("cuts a long summary at 1024 characters without splitting one", async () => {
  const { receiver, bench } = await prepare();
  bench.notify(makeAlert({ annotations: { summary: "🔥".repeat(2000) } }));
  await bench.drained("pagerduty");
  const { summary } = JSON.parse(receiver.requests[0]?.body ?? "").payload;
  expect(summary).toBe("🔥".repeat(1024));
});

test("leaves the details out rather than go over 512 kB", async () => {
  const { receiver, bench } = await prepare();
  const alert = makeAlert({ annotations: { summary: "big", description: "x".repeat(600_000) } });
  bench.notify(alert);
  await bench.drained("pagerduty");
  const { custom_details: details } = JSON.parse(receiver.requests[0]?.body ?? "").payload;
  expect(details.omitted).toContain("512000 bytes");
});

test.each(["", "see the wiki", "http://"])(
  "sends no link where the runbook is %j",
  async (runbook) => {
    const { receiver, bench } = await prepare();
    bench.notify(makeAlert({ annotations: { summary: "a", runbook_url: runbook } }));
    await bench.drained("pagerduty");
    expect(receiver.requests.map(({ answer }) => answer)).toEqual([202]);
  },
);

test("isn't told of info alerts unless asked for", () => {
  const notifier = createNotifiers(
    notifiersSchema.parse([{ type: "pagerduty", routing_key: routingKey }]),
    { clock: createSystemClock(), consoleUrl: "" },
  )[0];
  const withSeverity = (severity: string): boolean =>
    notifier?.accepts(makeAlert({ labels: { severity } })) ?? false;
  expect(["critical", "warning", "info", "page"].map(withSeverity)).toEqual([
    true,
    true,
    false,
    true,
  ]);
});
