import { afterEach, expect, test } from "vitest";
import { makeFolder } from "../kit/folder.ts";
import { hasProgram } from "../kit/programs.ts";
import {
  createCollector,
  createPrometheus,
  eventually,
  historySamples,
  rawSamples,
  startExporter,
} from "../kit/remote-write.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

test("a Prometheus feeds rules and history by three lines, and restarts of either lose and double nothing", async () => {
  if (!hasProgram("prometheus")) throw new Error("prometheus isn't installed: npm run setup");
  const folder = makeFolder();
  const exporter = await startExporter();
  undo.push(() => exporter.close());
  const collector = await createCollector(
    folder,
    `own_rules:
  - { alert: TestLevelHigh, metric: test_level, op: ">", threshold: 50, severity: warning, summary: "too high" }
`,
  );
  await collector.start();
  undo.push(() => collector.stop());
  const prometheus = await createPrometheus(folder, {
    target: exporter.port,
    config: `remote_write:
  - url: ${collector.url}/api/v1/write
    authorization: { credentials_file: ${collector.pushTokenFile()} }
`,
  });
  await prometheus.start();
  undo.push(() => prometheus.stop());

  const alerts = async (): Promise<string[]> => {
    const { alerts: list } = (await collector.get("/api/v1/alerts")) as {
      readonly alerts: readonly {
        readonly rule: string;
        readonly state: string;
        readonly labels: Record<string, string>;
      }[];
    };
    return list.map(
      ({ rule, state, labels }) => `${rule} ${state} ${labels["node"]} ${labels["kind"]}`,
    );
  };
  await pause(3000);
  exporter.level = 99;
  await eventually(alerts, (list) => list.includes("TestLevelHigh firing gpu-7 cold"));

  await collector.kill();
  await pause(4000);
  await collector.start();
  await pause(6000);
  await prometheus.stop();
  await prometheus.start();
  await pause(3000);
  exporter.level = 1;
  await eventually(alerts, (list) =>
    list.every((line) => !line.startsWith("TestLevelHigh firing")),
  );

  // Prometheus sends what is left when it is told to end; what it holds is read before.
  const held = await rawSamples(prometheus.url, "test_scrapes_total");
  await prometheus.stop();
  await collector.stop();
  const kept = await historySamples(collector.state, "test_scrapes_total");
  expect(held.length).toBeGreaterThan(15);
  const last = held.at(-1)?.time ?? 0;
  expect(kept.filter(({ time }) => time <= last)).toEqual(held);
  expect(collector.output()).not.toMatch(/error/i);
}, 120_000);
