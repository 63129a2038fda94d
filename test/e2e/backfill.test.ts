/** Detectors that start with the past out of a real store judge like those that lived through it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { LearnedDetector } from "../../collector/detect/detector.ts";
import { createAnomalyDetector } from "../../collector/detect/learned/anomaly-detector.ts";
import { startBackfill, type Backfill } from "../../collector/detect/learned/backfill.ts";
import { createFailureDetector } from "../../collector/detect/learned/failure-detector.ts";
import type { Finding, FindingSink } from "../../collector/detect/learned/finding.ts";
import { createForecastDetector } from "../../collector/detect/learned/forecast-detector.ts";
import { createPromStore } from "../../collector/history/backfill/store.ts";
import { createRemoteStores } from "../../collector/history/remote-write/store.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { createFleet } from "../../simulator/fleet.ts";
import { parseScenario } from "../../simulator/script.ts";
import { playFleet } from "../kit/fleet-player.ts";
import { makeFolder } from "../kit/folder.ts";
import { freePort, hasProgram, startProgram } from "../kit/programs.ts";
import {
  createCollector,
  createPrometheus,
  createRestartable,
  eventually,
  rawSamples,
  type Restartable,
} from "../kit/remote-write.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

const env = createEnv();
const pastSeconds = 900;
const liveSeconds = 240;
const size = { nodes: 1, gpusPerNode: 2 };
/** A GPU that becomes hot and a disk that fills up, from a little before the collector starts until long after. */
const scenario = parseScenario(
  `workload: training
faults:
  - { at: 13m, node: 0, gpu: 1, kind: thermal_runaway, severity: 0.7, duration: 20m }
  - { at: 13m, node: 0, kind: filesystem_fill, severity: 1, duration: 20m, mountpoint: /scratch }`,
  "test",
  size,
);

interface Judge {
  readonly detectors: readonly LearnedDetector[];
  readonly findings: Set<string>;
  /** The scores of all series now. */
  scores(key: string): Record<string, number>;
}

function createJudge(): Judge {
  const open = new Set<string>();
  const nameOf = (detector: string, { subject, metric }: Pick<Finding, "subject" | "metric">) =>
    `${detector} ${subject} ${metric}`;
  const findings: FindingSink = {
    report: (finding) => void open.add(nameOf(finding.detector, finding)),
    close: (detector, subject) => void open.delete(nameOf(detector, subject)),
  };
  const detectors = [
    createAnomalyDetector({ findings }),
    createForecastDetector({ findings }),
    createFailureDetector({ findings }),
  ];
  return {
    detectors,
    findings: open,
    scores: (key) =>
      Object.fromEntries(
        detectors.flatMap((one) => {
          const scores = one.scores(key);
          return one.watched(key).map((name, row) => [name, scores[row] ?? Number.NaN]);
        }),
      ),
  };
}

const key = "warpwatch/node-0000:9410";

/** Lives through the past, which goes to the store as well, then starts another with the store's, and has both live on. */
async function compare(store: Restartable, write: string) {
  const fleet = createFleet({
    seed: 3,
    ...size,
    model: "H100",
    scenario,
    startMilliseconds:
      Math.floor(env.clock.now() / 1000) * 1000 - (pastSeconds + liveSeconds) * 1000,
  });
  const lived = createJudge();
  const stores = createRemoteStores({
    env,
    log: createLog({ clock: env.clock, write: () => undefined }),
    metrics: createSelfMetrics({ clock: env.clock, processMetrics: false }),
    folder: join(makeFolder(), "remote-write"),
    stores: [
      {
        name: "store",
        url: new URL(`${store.url}${write}`),
        protocol: "1.0",
        tokenFile: null,
        user: null,
        headers: {},
        labels: { cluster: "c1" },
        timeoutMilliseconds: 10_000,
        bufferBytes: 1e9,
      },
    ],
  });
  undo.push(() => stores.close());
  await playFleet(fleet, pastSeconds, {
    frame(state) {
      for (const one of lived.detectors) one.step(state);
      for (const listener of stores.listeners) listener.frame(state);
    },
  });
  const boundary = fleet.timeMilliseconds;
  await eventually(
    () => rawSamples(store.url, 'DCGM_FI_DEV_GPU_TEMP{gpu="1"}'),
    (samples) => samples.at(-1)?.time === boundary,
    60_000,
  );

  const taught = createJudge();
  const shift = env.clock.now() - boundary;
  const clock = { ...env.clock, now: () => env.clock.now() - shift };
  const lines: string[] = [];
  const settings = {
    url: new URL(store.url),
    tokenFile: null,
    user: null,
    pastMilliseconds: 3_600_000,
    timeoutMilliseconds: 10_000,
  };
  const backfill: Backfill = startBackfill({
    store: createPromStore(settings, clock),
    pupils: {
      knew: () => false,
      replay: (state) => taught.detectors.forEach((one) => one.step(state)),
    },
    clock,
    log: createLog({ clock, write: (line) => void lines.push(line) }),
    metrics: createSelfMetrics({ clock, processMetrics: false }),
    pastMilliseconds: settings.pastMilliseconds,
    // Several answers for the one origin.
    bounds: { samplesAtOnce: 10_000 },
  });
  expect(backfill.isAwaited(key)).toBe(true);
  await backfill.done;
  expect(backfill.isAwaited(key)).toBe(false);
  const fresh = createJudge();
  const scores: Record<"lived" | "taught" | "fresh", number[]> = {
    lived: [],
    taught: [],
    fresh: [],
  };
  await playFleet(fleet, liveSeconds, {
    frame(state) {
      for (const [name, judge] of Object.entries({ lived, taught, fresh })) {
        for (const one of judge.detectors) one.step(state);
        scores[name as keyof typeof scores].push(...Object.values(judge.scores(state.key)));
      }
    },
  });
  return { lines, scores, findings: { lived, taught, fresh } };
}

test("with the past out of Prometheus detectors score every sample as if they had lived through it", async () => {
  needs("prometheus");
  const store = await createPrometheus(makeFolder(), {
    flags: ["--web.enable-remote-write-receiver"],
  });
  await store.start();
  undo.push(() => store.stop());
  const { lines, scores, findings } = await compare(store, "/api/v1/write");
  expect(lines.join()).toContain("the detectors learned from");
  expect(scores.taught).toEqual(scores.lived);
  expect(scores.fresh).not.toEqual(scores.lived);
  expect([...findings.lived.findings]).toContain("anomaly gpu1 DCGM_FI_DEV_GPU_TEMP");
  expect([...findings.taught.findings].toSorted()).toEqual([...findings.lived.findings].toSorted());
}, 180_000);

test("with the past out of VictoriaMetrics they find the same, as exactly as it keeps numbers", async () => {
  needs("victoria-metrics");
  const port = await freePort();
  const data = join(makeFolder(), "victoria");
  mkdirSync(data, { recursive: true });
  const store = createRestartable(`http://127.0.0.1:${port}`, "/health", () =>
    startProgram("victoria-metrics", [
      `-storageDataPath=${data}`,
      `-httpListenAddr=127.0.0.1:${port}`,
    ]),
  );
  await store.start();
  undo.push(() => store.stop());
  const { scores, findings } = await compare(store, "/api/v1/write");
  expect([...findings.taught.findings].toSorted()).toEqual([...findings.lived.findings].toSorted());
  // It keeps some fifteen digits: what hardly moves at all scores differently, and far below any surprise.
  const off = scores.lived.flatMap((score, index) => {
    const other = scores.taught[index] ?? Number.NaN;
    const isSurprise = Math.max(score, other) >= 1;
    return isSurprise && !(Math.abs(score - other) < 0.1) ? [[score, other]] : [];
  });
  expect(scores.lived.some((score) => score >= 3)).toBe(true);
  expect(off).toEqual([]);
}, 180_000);

test("a collector starts at once whether or not the store is there, and says in one line how it went", async () => {
  needs("prometheus");
  const store = await createPrometheus(makeFolder(), {});
  await store.start();
  undo.push(() => store.stop());
  const nobody = `http://127.0.0.1:${await freePort()}`;
  for (const [url, line] of [
    [store.url, "the detectors learned from 0 samples of 0 origins' past"],
    [nobody, "the detectors start without the past that they don't know"],
  ] as const) {
    const collector = await createCollector(
      makeFolder(),
      `backfill: { url: "${url}", hours: 2 }\n`,
    );
    await collector.start();
    undo.push(() => collector.stop());
    await eventually(
      () => collector.output(),
      (output) => output.split(line).length === 2,
    );
  }
}, 120_000);

function needs(program: string): void {
  if (!hasProgram(program))
    throw new Error(`${program} isn't installed: npm run setup installs it`);
}
