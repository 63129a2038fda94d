import { createHmac } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import type { Notifier } from "../../../collector/notify/notifier.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, resolved } from "../../kit/alerts.ts";
import { startWebhook, type Receiver } from "../../kit/receivers.ts";
import { describeNotifier, startBench } from "../../suites/notifier-suite.ts";

const secret = "a-secret-that-signs";
const pathToken = "T0KEN-in-the-path";

function makeNotifier(receiver: Receiver): Notifier {
  const [notifier] = createNotifiers(
    notifiersSchema.parse([
      {
        type: "webhook",
        url: receiver.url,
        secret,
        authorization: "Bearer for-the-hook",
        timeout: "1s",
      },
    ]),
    { clock: createSystemClock(), consoleUrl: "" },
  );
  if (!notifier) throw new Error("no notifier was made");
  return notifier;
}

describeNotifier("webhook", {
  startReceiver: () => startWebhook(`/services/${pathToken}`),
  makeNotifier,
  secrets: [secret, "for-the-hook", pathToken],
  actionOf: (body) => JSON.parse(body).action,
});

test("sends the documented body, signed", async () => {
  const receiver = await startWebhook();
  onTestFinished(() => receiver.close());
  const bench = startBench([makeNotifier(receiver)]);
  const alert = makeAlert({ value: Number.NaN });
  bench.notify(alert);
  bench.notify(resolved(alert));
  await bench.drained("webhook");
  const [, request] = receiver.requests;
  expect(JSON.parse(request?.body ?? "")).toEqual({
    version: 1,
    action: "resolve",
    dedup_key: alert.fingerprint,
    rule: "GpuHot",
    labels: alert.labels,
    annotations: alert.annotations,
    value: "NaN",
    active_at: new Date(alert.activeAtMilliseconds).toISOString(),
    fired_at: new Date(alert.firedAtMilliseconds).toISOString(),
    resolved_at: new Date(alert.firedAtMilliseconds + 60_000).toISOString(),
    occasion: "fired",
    kind: "alerts",
    alerts: 1,
    members: [],
    escalation: null,
    acknowledged: null,
  });
  const timestamp = request?.headers["x-warpwatch-timestamp"];
  const expected = createHmac("sha256", secret)
    .update(`${String(timestamp)}.${request?.body ?? ""}`)
    .digest("hex");
  expect(request?.headers["x-warpwatch-signature"]).toBe(`sha256=${expected}`);
  expect(request?.headers.authorization).toBe("Bearer for-the-hook");
});

test("sends the body of a template, signed as it is sent, and the headers that are asked for", async () => {
  const receiver = await startWebhook();
  onTestFinished(() => receiver.close());
  const settings = notifiersSchema.parse([
    {
      type: "webhook",
      url: receiver.url,
      secret,
      headers: { "X-Tenant": "gpu-fleet" },
      body: { text: "{{ rule }} on {{ labels.node }} is a {{ action }}", firing: "{{ alerts }}" },
    },
  ]);
  const bench = startBench(
    createNotifiers(settings, { clock: createSystemClock(), consoleUrl: "" }),
  );
  bench.notify(makeAlert({ labels: { node: 'n"1' } }));
  await bench.drained("webhook");
  const [request] = receiver.requests;
  if (!request) throw new Error("nothing came");
  const { body, headers } = request;
  expect(JSON.parse(body)).toEqual({ text: 'GpuHot on n"1 is a trigger', firing: 1 });
  expect(headers["x-tenant"]).toBe("gpu-fleet");
  const signed = `${String(headers["x-warpwatch-timestamp"])}.${body}`;
  expect(headers["x-warpwatch-signature"]).toBe(
    `sha256=${createHmac("sha256", secret).update(signed).digest("hex")}`,
  );
});

test.each([
  [{ authorization: "Basic x" }, /set by the webhook itself/],
  [{ "x tenant": "a" }, /no name of a header/],
  [{ "x-tenant": "a\nb" }, /printable ASCII/],
])("headers that can't be sent are refused: %j", (headers, sentence) => {
  const entry = { type: "webhook", url: "http://127.0.0.1/", headers };
  expect(() => notifiersSchema.parse([entry])).toThrow(sentence);
});
