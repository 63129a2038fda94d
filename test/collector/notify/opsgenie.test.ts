import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import { opsgenieAddress } from "../../../collector/notify/config-services.ts";
import type { Notifier } from "../../../collector/notify/notifier.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, resolved } from "../../kit/alerts.ts";
import { makeFolder } from "../../kit/folder.ts";
import { keyOf } from "../../kit/planning.ts";
import type { Receiver } from "../../kit/receivers.ts";
import { opsgenieKey, startOpsgenie, type OpsgenieReceiver } from "../../kit/service-receivers.ts";
import { describeNotifier, startBench } from "../../suites/notifier-suite.ts";

function keyFile(): string {
  const file = join(makeFolder(), "key");
  writeFileSync(file, opsgenieKey);
  return file;
}

function makeNotifier(receiver: Receiver): Notifier {
  const [notifier] = createNotifiers(
    notifiersSchema.parse([
      {
        type: "opsgenie",
        url: receiver.url,
        api_key_file: keyFile(),
        timeout: "1s",
        group_wait: "0",
      },
    ]),
    { clock: createSystemClock(), consoleUrl: "http://console.example:9411/" },
  );
  if (!notifier) throw new Error("no notifier was made");
  return notifier;
}

describeNotifier("opsgenie", {
  startReceiver: startOpsgenie,
  makeNotifier,
  secrets: [opsgenieKey],
  actionOf: (body) => ("alias" in JSON.parse(body) ? "trigger" : "resolve"),
});

async function prepare(): Promise<{
  receiver: OpsgenieReceiver;
  bench: ReturnType<typeof startBench>;
}> {
  const receiver = await startOpsgenie();
  onTestFinished(() => receiver.close());
  return { receiver, bench: startBench([makeNotifier(receiver)]) };
}

test("opens an alert under the incident's key and closes it", async () => {
  const { receiver, bench } = await prepare();
  const alert = makeAlert();
  bench.notify(alert);
  bench.notify(resolved(alert));
  bench.notify(alert);
  await bench.drained("opsgenie");
  expect(receiver.alerts.map(({ closed, count }) => [closed, count])).toEqual([
    [true, 1],
    [false, 1],
  ]);
  expect(receiver.alerts[0]).toMatchObject({
    alias: keyOf(alert),
    message: "Firing: GPU 3 on node-07 is at 93 °C",
    description:
      "Firing: GPU 3 on node-07 is at 93 °C\nRunbook: https://runbooks.example/GpuHot.md\n" +
      "Console: http://console.example:9411/\n\nThe GPU is hotter than its slowdown limit.",
    tags: ["GpuHot", "critical", "infrastructure", "gpu"],
    entity: "node-07",
    priority: "P1",
    details: { Rule: "GpuHot", Value: "93", node: "node-07", gpu: "3", UUID: "GPU-0" },
  });
});

test.each([
  ["critical", "P1"],
  ["warning", "P3"],
  ["page", "P2"],
])("gives severity %s the priority %s", async (severity, priority) => {
  const { receiver, bench } = await prepare();
  bench.notify(makeAlert({ labels: { severity } }));
  await bench.drained("opsgenie");
  expect(receiver.alerts[0]?.priority).toBe(priority);
});

test("keeps Opsgenie's limits and says what was cut", async () => {
  const { receiver, bench } = await prepare();
  const many = Object.fromEntries(
    Array.from({ length: 64 }, (_, index) => [`label_${index}`, "v".repeat(1024)]),
  );
  bench.notify(
    makeAlert({
      rule: "R".repeat(200),
      labels: { ...many, severity: "critical", node: "n".repeat(1024), team: "t".repeat(100) },
      annotations: { summary: "s".repeat(500), description: "<img>".repeat(10_000) },
    }),
  );
  await bench.drained("opsgenie");
  expect(bench.state.outbox.deadLetters()).toEqual([]);
  const [alert] = receiver.alerts;
  expect(alert?.message).toMatch(/^Firing: s+… \[\d+ characters cut\]$/);
  expect(alert?.description).toMatch(/&lt;img&gt;.*… \[\d+ characters cut\]$/);
  expect(alert?.description).not.toContain("<");
  expect(alert?.details["Left out"]).toMatch(/^\d+ more labels$/);
});

test("knows the addresses of both regions, and leaves JSM's to the settings", () => {
  const url = "https://api.atlassian.com/jsm/ops/integration";
  expect(opsgenieAddress({}).host).toBe("api.opsgenie.com");
  expect(opsgenieAddress({ region: "eu" }).host).toBe("api.eu.opsgenie.com");
  expect(opsgenieAddress({ url }).href).toBe(url);
  const both = { type: "opsgenie", api_key_file: keyFile(), region: "eu", url };
  expect(notifiersSchema.safeParse([both]).error?.issues.map(({ message }) => message)).toEqual([
    "give either region or url",
  ]);
});
