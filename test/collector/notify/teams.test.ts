import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createNotifiers, notifiersSchema } from "../../../collector/notify/config.ts";
import type { Notifier } from "../../../collector/notify/notifier.ts";
import type { Alert } from "../../../collector/state/alert.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, resolved } from "../../kit/alerts.ts";
import { makeFolder } from "../../kit/folder.ts";
import type { Receiver } from "../../kit/receivers.ts";
import { startTeams, type TeamsCard, type TeamsReceiver } from "../../kit/service-receivers.ts";
import { describeNotifier, startBench } from "../../suites/notifier-suite.ts";

function makeNotifier(receiver: Receiver): Notifier {
  const file = join(makeFolder(), "url");
  writeFileSync(file, receiver.url);
  const [notifier] = createNotifiers(
    notifiersSchema.parse([
      { type: "teams", webhook_url_file: file, timeout: "1s", group_wait: "0", digest: "0" },
    ]),
    { clock: createSystemClock(), consoleUrl: "http://console.example:9411/" },
  );
  if (!notifier) throw new Error("no notifier was made");
  return notifier;
}

describeNotifier("teams", {
  startReceiver: startTeams,
  makeNotifier,
  secrets: ["hook-secret"],
  actionOf: (body) => (body.includes('"Resolved: ') ? "resolve" : "trigger"),
});

async function deliver(...alerts: Alert[]): Promise<TeamsReceiver> {
  const receiver = await startTeams();
  onTestFinished(() => receiver.close());
  const bench = startBench([makeNotifier(receiver)]);
  bench.notify(...alerts);
  await bench.drained("teams");
  expect(bench.state.outbox.deadLetters()).toEqual([]);
  return receiver;
}

function textsOf(card: TeamsCard | undefined): string[] {
  const [head, ...texts] = card?.body ?? [];
  return [...(head?.items ?? []), ...texts].map(({ inlines }) => inlines[0]?.text ?? "");
}

test("shows what fires as a card in the style of its severity, with links", async () => {
  const alert = makeAlert();
  const { cards } = await deliver(alert, resolved(alert));
  const [firing, ended] = cards;
  expect(textsOf(firing)).toEqual([
    "Firing: GPU 3 on node-07 is at 93 °C",
    "The GPU is hotter than its slowdown limit.",
    "Rule: GpuHot",
    "Severity: critical",
    "Value: 93",
    "Since: 2026-11-18 11:06:40 UTC",
    "node: node-07",
    "gpu: 3",
    "UUID: GPU-0",
    "team: infrastructure",
    "component: gpu",
  ]);
  expect(firing?.actions.map(({ title, url }) => `${title}: ${url}`)).toEqual([
    "Runbook: https://runbooks.example/GpuHot.md",
    "Console: http://console.example:9411/",
  ]);
  expect(firing?.body[0].style).toBe("attention");
  expect(ended?.body[0].style).toBe("good");
});

test("puts an alert's text where no client reads Markdown, as it is", async () => {
  const text = "[click](https://evil.example) **now** <b>#1</b>";
  const { cards } = await deliver(makeAlert({ annotations: { summary: text, description: text } }));
  expect(textsOf(cards[0]).slice(0, 2)).toEqual([`Firing: ${text}`, text]);
});

test.each([
  ["characters of four bytes", "🔥".repeat(30_000)],
  ["characters that JSON escapes", "\u0001".repeat(30_000)],
  ["one line per character", "x\n".repeat(30_000)],
])("stays under Teams' 28 KB with %s and says what was cut", async (_name, description) => {
  const labels = Object.fromEntries(
    Array.from({ length: 64 }, (_, index) => [`label_${index}`, "ä".repeat(1000)]),
  );
  const alert = makeAlert({ labels, annotations: { summary: description, description } });
  const { cards } = await deliver(alert);
  const texts = textsOf(cards[0]);
  expect(texts.join("\n")).toMatch(/… \[\d+ characters cut\]/);
  expect(texts.at(-1)).toMatch(/^… \d+ more labels left out$/);
});
