/** What a store may answer, and what the detectors do meanwhile; real stores are asked in test/e2e/backfill.test.ts. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import {
  startBackfill,
  type BackfillBounds,
} from "../../../../collector/detect/learned/backfill.ts";
import { createPromStore } from "../../../../collector/history/backfill/store.ts";
import type { BackfillSettings } from "../../../../collector/history/backfill/settings.ts";
import type { OriginState } from "../../../../collector/origin.ts";
import { createSystemClock } from "../../../../core/kit/clock.ts";
import { createLog } from "../../../../core/kit/log.ts";
import { createSelfMetrics } from "../../../../core/kit/self-metrics.ts";
import { isPresent } from "../../../../core/wire/frame.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { metricValue } from "../../history/kit.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});
const clock = createSystemClock();

async function serve(handle: RequestListener): Promise<URL> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prometheus/`);
}

interface Taught {
  readonly moments: { readonly time: number; readonly values: Record<string, number> }[];
  readonly lines: string[];
  readonly backfill: ReturnType<typeof startBackfill>;
  readonly metrics: ReturnType<typeof createSelfMetrics>;
}

function teach(
  settings: Partial<BackfillSettings> & { readonly url: URL },
  options: { readonly knew?: string; readonly bounds?: Partial<BackfillBounds> } = {},
): Taught {
  const moments: Taught["moments"] = [];
  const lines: string[] = [];
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const full = {
    tokenFile: null,
    user: null,
    pastMilliseconds: 600_000,
    timeoutMilliseconds: 500,
    ...settings,
  };
  const backfill = startBackfill({
    store: createPromStore(full, clock),
    pupils: {
      knew: (key) => key === options.knew,
      replay: (state) => moments.push(momentOf(state)),
    },
    clock,
    log: createLog({ clock, write: (line) => void lines.push(line) }),
    metrics,
    pastMilliseconds: full.pastMilliseconds,
    ...(options.bounds && { bounds: options.bounds }),
  });
  undo.push(() => backfill.close());
  return { moments, lines, backfill, metrics };
}

/** The state's arrays are used again for the next moment. */
function momentOf({ key, schema, present, values, timeMilliseconds }: OriginState) {
  const shown: [string, number][] = [];
  schema.series.forEach(({ metric, values: labels }, slot) => {
    if (isPresent(present, slot))
      shown.push([`${key} ${metric.name} ${labels.join()}`, values[slot] ?? Number.NaN]);
  });
  return { time: timeMilliseconds, values: Object.fromEntries(shown) };
}

/** A store with two samples a minute of two series, one of which ends, and of an origin that is known already. */
function answerAsStore(start: number): RequestListener {
  const heat = (job: string) => ({
    metric: { __name__: "DCGM_FI_DEV_GPU_TEMP", job, instance: "a:1", gpu: "0", cluster: "c" },
    values: Array.from({ length: 20 }, (_, index) => [start + index * 30, String(40 + index)]),
  });
  const power = {
    metric: { __name__: "DCGM_FI_DEV_POWER_USAGE", job: "new", instance: "a:1", gpu: "0" },
    values: [
      [start + 10, "+Inf"],
      [start + 30, "7"],
    ],
  };
  return (incoming, response) => {
    void text(incoming).then((form) => {
      const asked = new URLSearchParams(form);
      const query = asked.get("query") ?? "";
      const answer = (result: unknown): void =>
        void response.end(
          JSON.stringify({ status: "success", data: { resultType: "matrix", result } }),
        );
      if (incoming.url === "/prometheus/api/v1/query_range")
        return answer(
          ["new", "old"].map((job) => ({
            metric: { job, instance: "a:1" },
            values: [[start, "1"]],
          })),
        );
      const end = Number(asked.get("time"));
      const span = Number(/\[(\d+)ms\]$/.exec(query)?.[1] ?? Number.NaN) / 1000;
      const job = /job="(\w+)"/.exec(query)?.[1] ?? "";
      const within = (series: ReturnType<typeof heat>) => ({
        ...series,
        values: series.values.filter(([time]) => Number(time) >= end - span && Number(time) <= end),
      });
      const all = job === "new" ? [heat(job), power as ReturnType<typeof heat>] : [heat(job)];
      return answer(all.map(within).filter(({ values }) => values.length > 0));
    });
  };
}

test("an origin's past is played moment by moment, each sample once, and what is known already is left alone", async () => {
  const start = Math.floor(clock.now() / 1000) - 595;
  const url = await serve(answerAsStore(start));
  const { moments, backfill, lines, metrics } = teach({ url }, { knew: "old/a:1" });
  expect(backfill.isAwaited("new/a:1")).toBe(true);
  expect(backfill.isAwaited("old/a:1")).toBe(false);
  await backfill.done;
  expect(backfill.isAwaited("new/a:1")).toBe(false);
  const times = moments.map(({ time }) => time / 1000 - start);
  expect(times).toEqual([0, 10, ...Array.from({ length: 19 }, (_, index) => 30 + index * 30)]);
  const heat = "new/a:1 DCGM_FI_DEV_GPU_TEMP 0,c";
  const power = "new/a:1 DCGM_FI_DEV_POWER_USAGE 0";
  expect(moments[1]?.values).toEqual({ [heat]: 40, [power]: Infinity });
  expect(moments[2]?.values).toEqual({ [heat]: 41, [power]: 7 });
  // Five minutes after its last sample a series has ended.
  expect(moments.at(-1)?.values).toEqual({ [heat]: 59 });
  expect(lines.join()).toContain("learned from 22 samples of 1 origins' past");
  expect(await metricValue(metrics, "warpwatch_backfill_samples_total")).toBe(22);
});

test("the token goes along, read from its file", async () => {
  const seen: (string | undefined)[] = [];
  const url = await serve((incoming, response) => {
    seen.push(incoming.headers.authorization);
    response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}');
  });
  const tokenFile = join(makeFolder(), "token");
  writeFileSync(tokenFile, "secret\n");
  await teach({ url, tokenFile }).backfill.done;
  expect(seen).toEqual(["Bearer secret"]);
});

test("while the store doesn't answer nothing is learned, until it takes too long", async () => {
  const url = await serve(() => undefined);
  const { backfill, lines } = teach(
    { url, timeoutMilliseconds: 60_000 },
    { bounds: { milliseconds: 200 } },
  );
  expect(backfill.isAwaited("any/one")).toBe(true);
  await backfill.done;
  expect(backfill.isAwaited("any/one")).toBe(false);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("go on without the rest of the past");
});

test.each<[string, RequestListener | null, string]>([
  ["is not there", null, "ECONNREFUSED"],
  ["hangs", () => undefined, "doesn't answer within 0.5 s"],
  [
    "refuses",
    (_, response) => response.writeHead(401).end("who are you?\n"),
    "it answered 401: who are you?",
  ],
  ["says no JSON", (_, response) => response.end("<html>"), "its answer isn't JSON"],
  ["says other JSON", (_, response) => response.end("[]"), "isn't that of Prometheus' API"],
  [
    "says a series without samples",
    (_, response) =>
      response.end('{"status":"success","data":{"resultType":"matrix","result":[{"metric":{}}]}}'),
    "has no labels or no samples",
  ],
])(
  "a store that %s costs one sentence and a count, and the detectors start without",
  async (_, handle, sentence) => {
    const url = handle ? await serve(handle) : new URL("http://127.0.0.1:1/");
    const bounds = { retryMilliseconds: 1, attempts: 2 };
    const { backfill, lines, metrics } = teach({ url }, { bounds });
    await backfill.done;
    expect(backfill.isAwaited("any/one")).toBe(false);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("the detectors start without the past");
    expect(lines[0]).toContain(sentence);
    expect(await metricValue(metrics, 'warpwatch_backfill_origins_total{outcome="failure"}')).toBe(
      1,
    );
  },
);

/** Refuses those requests, counted from 0, and answers the others as the store does. */
function refuse(answer: RequestListener, isRefused: (request: number, query: string) => boolean) {
  const asked: string[] = [];
  const listener: RequestListener = (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => void chunks.push(chunk));
    incoming.on("end", () => {
      const form = Buffer.concat(chunks);
      const query = new URLSearchParams(form.toString()).get("query") ?? "";
      asked.push(query);
      if (isRefused(asked.length - 1, query)) response.writeHead(503).end("busy");
      else answer(Object.assign(Readable.from([form]), { url: incoming.url }) as never, response);
    });
  };
  return { asked, listener };
}

const failures = 'warpwatch_backfill_origins_total{outcome="failure"}';
const successes = 'warpwatch_backfill_origins_total{outcome="success"}';

test("a store that is busy now and then is asked again, and nothing is missing", async () => {
  const start = Math.floor(clock.now() / 1000) - 595;
  const { listener } = refuse(answerAsStore(start), (request) => request % 3 !== 2);
  const { moments, backfill, lines, metrics } = teach(
    { url: await serve(listener) },
    { knew: "old/a:1", bounds: { retryMilliseconds: 1 } },
  );
  await backfill.done;
  expect(moments).toHaveLength(21);
  expect(lines).toHaveLength(1);
  expect(await metricValue(metrics, successes)).toBe(1);
  expect(await metricValue(metrics, failures)).toBe(0);
});

test("a query that gets no answer is left out with a sentence, and the next one is asked", async () => {
  const start = Math.floor(clock.now() / 1000) - 595;
  // The first two of what is read of it: how much there is, and its oldest samples.
  const { asked, listener } = refuse(
    answerAsStore(start),
    (request, query) => query.includes('job="new"') && request < 1 + 2 * 3,
  );
  const { moments, backfill, lines, metrics } = teach(
    { url: await serve(listener) },
    { knew: "old/a:1", bounds: { retryMilliseconds: 1, attempts: 3 } },
  );
  await backfill.done;
  expect(asked.slice(1, 4)).toEqual([asked[1], asked[1], asked[1]]);
  expect(asked[4]).toBe(asked[6]);
  expect(moments[0]?.time).toBeGreaterThanOrEqual((start + 290) * 1000);
  expect(moments.at(-1)?.time).toBe((start + 570) * 1000);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/2 queries for the past are left out, each asked 3 times.*503: busy/);
  expect(await metricValue(metrics, failures)).toBe(1);
  expect(await metricValue(metrics, successes)).toBe(0);
});

test("a store that goes away is left alone after a few queries", async () => {
  const start = Math.floor(clock.now() / 1000) - 595;
  const { asked, listener } = refuse(answerAsStore(start), (request) => request > 0);
  const { backfill, lines, metrics } = teach(
    { url: await serve(listener) },
    { bounds: { retryMilliseconds: 1, attempts: 2, failuresInRow: 3 } },
  );
  await backfill.done;
  expect(asked.length).toBeLessThanOrEqual(1 + 2 * 4);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("the detectors start without the past");
  expect(await metricValue(metrics, failures)).toBe(1);
});
