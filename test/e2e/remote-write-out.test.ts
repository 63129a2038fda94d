import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { makeFolder } from "../kit/folder.ts";
import { freePort, hasProgram, startProgram } from "../kit/programs.ts";
import {
  createCollector,
  createPrometheus,
  createRestartable,
  eventually,
  historySamples,
  rawSamples,
  startExporter,
  type Restartable,
} from "../kit/remote-write.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function createVictoriaMetrics(folder: string): Promise<Restartable> {
  const port = await freePort();
  const data = join(folder, "victoria");
  mkdirSync(data, { recursive: true });
  return createRestartable(`http://127.0.0.1:${port}`, "/health", () =>
    startProgram("victoria-metrics", [
      `-storageDataPath=${data}`,
      `-httpListenAddr=127.0.0.1:${port}`,
    ]),
  );
}

test("Prometheus and VictoriaMetrics hold every sample of the collector, whichever of them is away for a while", async () => {
  for (const name of ["prometheus", "victoria-metrics"])
    if (!hasProgram(name)) throw new Error(`${name} isn't installed: npm run setup installs it`);
  const folder = makeFolder();
  const exporter = await startExporter();
  undo.push(() => exporter.close());
  const prometheus = await createPrometheus(folder, {
    flags: ["--web.enable-remote-write-receiver"],
  });
  const victoria = await createVictoriaMetrics(folder);
  for (const store of [prometheus, victoria]) {
    await store.start();
    undo.push(() => store.stop());
  }
  const collector = await createCollector(
    folder,
    `scrape:
  - { job: test, interval: 1s, targets: ["127.0.0.1:${exporter.port}"], labels: { node: gpu-7 } }
remote_write:
  - { name: prometheus, url: "${prometheus.url}/api/v1/write", labels: { cluster: c1 } }
  - { name: victoria, url: "${victoria.url}/api/v1/write" }
`,
  );
  await collector.start();
  undo.push(() => collector.stop());
  await pause(4000);

  // VictoriaMetrics loses what it accepted last when it is killed, so it is told to end.
  await prometheus.kill();
  await victoria.stop();
  await pause(3000);
  // What waits is on disk: the collector may go as well.
  await collector.stop();
  await collector.start();
  await pause(2000);
  for (const store of [prometheus, victoria]) await store.start();
  await pause(4000);
  await collector.stop();

  const kept = await historySamples(collector.state, "test_scrapes_total");
  expect(kept.length).toBeGreaterThan(9);
  // What the last moments brought waits for the next start.
  await collector.start();
  const prometheusHas = (): Promise<unknown> =>
    rawSamples(prometheus.url, 'test_scrapes_total{cluster="c1",node="gpu-7"}');
  const last = kept.at(-1)?.time ?? 0;
  const isThere = (samples: unknown): boolean =>
    Array.isArray(samples) && samples.some(({ time }) => time === last);
  await eventually(prometheusHas, isThere);
  expect(await upTo(last, prometheus.url)).toEqual(kept);
  await eventually(() => upTo(last, victoria.url), isThere);
  expect(await upTo(last, victoria.url)).toEqual(kept);
}, 120_000);

async function upTo(last: number, url: string) {
  return (await rawSamples(url, "test_scrapes_total")).filter(({ time }) => time <= last);
}
