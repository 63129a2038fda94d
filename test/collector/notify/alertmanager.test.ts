import { expect, onTestFinished, test } from "vitest";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import type { Notifier } from "../../../collector/notify/notifier.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, makeNumberedAlert, resolved } from "../../kit/alerts.ts";
import { startWebhook, type Receiver } from "../../kit/receivers.ts";
import { describeNotifier, startBench } from "../../suites/notifier-suite.ts";

function makeNotifiers(receivers: readonly Receiver[], settings: object = {}): Notifier[] {
  return createNotifiers(
    notifiersSchema.parse([
      {
        type: "alertmanager",
        urls: receivers.map((receiver) => receiver.url.replace("/api/v2/alerts", "")),
        authorization: "Basic a-password",
        timeout: "1s",
        ...settings,
      },
    ]),
    { clock: createSystemClock(), consoleUrl: "http://127.0.0.1:9411/" },
  );
}

async function startReceiver(): Promise<Receiver> {
  return startWebhook("/team/api/v2/alerts");
}

interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

function alertsOf(body: string | undefined): PostedAlert[] {
  return JSON.parse(body ?? "");
}

function isOver(alert: PostedAlert | undefined): boolean {
  return Date.parse(alert?.endsAt ?? "") <= Date.now();
}

describeNotifier("alertmanager", {
  startReceiver,
  makeNotifier: (receiver) => {
    const [notifier] = makeNotifiers([receiver]);
    if (!notifier) throw new Error("no notifier was made");
    return notifier;
  },
  secrets: ["a-password"],
  actionOf: (body) => (isOver(alertsOf(body)[0]) ? "resolve" : "trigger"),
  groupsByItself: true,
  identityOf: (body) => JSON.stringify(alertsOf(body)[0]?.labels),
});

test("posts labels, annotations and times as the API v2 has them", async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const bench = startBench(makeNotifiers([receiver]));
  const alert = makeAlert();
  bench.notify(alert);
  bench.notify(resolved(alert));
  await bench.drained("alertmanager");
  const [firing, over] = receiver.requests.map(({ body }) => alertsOf(body)[0]);
  expect(firing).toEqual({
    labels: alert.labels,
    annotations: alert.annotations,
    startsAt: new Date(alert.firedAtMilliseconds).toISOString(),
    endsAt: expect.any(String),
    generatorURL: "http://127.0.0.1:9411/",
  });
  expect(Date.parse(firing?.endsAt ?? "") - Date.now()).toBeGreaterThan(3_500_000);
  expect(over?.startsAt).toBe(firing?.startsAt);
  expect(over?.endsAt).toBe(new Date(alert.firedAtMilliseconds + 60_000).toISOString());
});

test("never says that an alert ended before it started", async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const bench = startBench(makeNotifiers([receiver]));
  const alert = makeAlert();
  bench.notify(alert);
  bench.notify(resolved(alert, alert.firedAtMilliseconds - 5000));
  await bench.drained("alertmanager");
  const [over] = alertsOf(receiver.requests[1]?.body);
  expect(over?.endsAt).toBe(over?.startsAt);
});

test("sends to every Alertmanager, and one that is down keeps nothing from the other", async () => {
  const up = await startReceiver();
  const down = await startReceiver();
  onTestFinished(() => up.close());
  await down.close();
  const notifiers = makeNotifiers([up, down]);
  const bench = startBench(notifiers);
  bench.notify(makeAlert());
  await bench.drained(notifiers[0]?.name ?? "");
  expect(up.requests).toHaveLength(1);
  expect(bench.state.outbox.depth(notifiers[1]?.name ?? "")).toBe(1);
});

test("repeats what fires, all at once, and not what resolved", async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const bench = startBench(makeNotifiers([receiver], { refresh: "1s", hold: "1m" }));
  const alerts = [1, 2, 3].map((number) => makeNumberedAlert(number));
  bench.notify(...alerts);
  bench.notify(resolved(makeNumberedAlert(2)));
  await bench.drained("alertmanager");
  const before = receiver.requests.length;
  await receiver.until(() => receiver.requests.length > before);
  const repeated = alertsOf(receiver.requests.at(-1)?.body);
  expect(
    repeated.map((alert) => alert.labels["gpu"]).toSorted((a = "", b = "") => a.localeCompare(b)),
  ).toEqual(["1", "3"]);
  expect(repeated.some(isOver)).toBe(false);
});

test("a resolve that is committed while its alert is being repeated goes out after the repetition", async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const bench = startBench(makeNotifiers([receiver], { refresh: "1s", hold: "1m", timeout: "5s" }));
  const alert = makeAlert();
  bench.notify(alert);
  await bench.drained("alertmanager");
  receiver.plan({ kind: "slow", milliseconds: 400 });
  // The receiver has the repetition and sits on it: the resolve has to wait for its answer.
  await expect.poll(() => receiver.connectionsBusy(), { timeout: 20_000, interval: 5 }).toBe(1);
  bench.notify(resolved(alert));
  await bench.drained("alertmanager");
  const verdicts = receiver.requests.map(({ body }) => isOver(alertsOf(body)[0]));
  expect(verdicts).toEqual([false, false, true]);
});
