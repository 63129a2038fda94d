import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { openMetric } from "../../../core/catalog/metric.ts";
import { createEnv } from "../../../core/kit/env.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import { encodeOtlpResponse, encodeOtlpStatus } from "../../../core/wire/otlp-answer.ts";
import type { OtlpSnapshot } from "../../../core/wire/otlp-encode.ts";
import { startOtlpExporter, type OtlpMeter } from "../../../core/wire/otlp-exporter.ts";
import type { OtlpEndpoint } from "../../../core/wire/otlp-post.ts";
import { otlpUrl } from "../../../core/wire/otlp-url.ts";
import { makeAuthority, readCertificate } from "../../kit/certificates.ts";
import { makeFolder } from "../../kit/folder.ts";
import { startOtlpSink, type OtlpAnswer, type OtlpSink } from "../../kit/otlp-sink.ts";
import { quietLog } from "../../kit/rule-bench.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

const protobuf = { "content-type": "application/x-protobuf" };

async function open(): Promise<OtlpSink> {
  const sink = await startOtlpSink();
  undo.push(sink.close);
  return sink;
}

const schema: Schema = {
  origin: { node: "n", job: "j", instance: "i", boot: "b" },
  version: 1,
  groups: [{ source: "s", first: 0, length: 1 }],
  series: [{ metric: openMetric("level", "gauge", ""), values: [], device: null }],
};

function snapshotOf(value: number): OtlpSnapshot {
  return {
    key: "i",
    schema,
    values: Float64Array.of(value),
    present: Uint8Array.of(1),
    times: Float64Array.of(1_767_000_000_000 + value),
  };
}

/** Sends 1, 2, 3 … until `last`, one every interval, to the receiver. */
function start(receiver: OtlpSink, last: number, changes: Partial<OtlpEndpoint> = {}) {
  const counts: Record<string, number> = {};
  const count = (key: string, by: number): void => void (counts[key] = (counts[key] ?? 0) + by);
  const meter: OtlpMeter = {
    request: (outcome) => count(outcome, 1),
    sent: (points) => count("sent", points),
    dropped: (reason, points) => count(reason, points),
    waiting: (bytes) => void (counts["waiting"] = bytes),
  };
  const said: string[] = [];
  let value = 0;
  const exporter = startOtlpExporter({
    // No wait before the first, and the shortest before a repetition.
    env: createEnv({ randomId: () => "00000000-0000" }),
    log: {
      ...quietLog,
      warn: (sentence) => void said.push(sentence),
      info: (sentence) => void said.push(sentence),
    },
    endpoint: {
      name: "test",
      url: otlpUrl(receiver.url),
      tokenFile: null,
      authorityFile: null,
      headers: {},
      compression: "gzip",
      timeoutMilliseconds: 5000,
      queueBytes: 1_000_000,
      ...changes,
    },
    intervalMilliseconds: 5,
    resourceOf: () => ({}),
    meter,
    *snapshots() {
      if (value < last) yield snapshotOf((value += 1));
    },
  });
  undo.push(() => exporter.close());
  const until = (condition: () => boolean): Promise<void> =>
    expect.poll(condition, { interval: 5, timeout: 10_000 }).toBe(true);
  return { counts, said, until, exporter };
}

function sentValues({ received }: OtlpSink): number[] {
  const metrics = received.flatMap(({ resources }) => resources.flatMap((one) => one.metrics));
  return metrics.flatMap(({ data }) =>
    data.kind === "gauge" ? data.points.map(({ value }) => value ?? Number.NaN) : [],
  );
}

describe("OTLP out", () => {
  it("sends each snapshot with its headers, packed, to the path of the specification", async () => {
    const receiver = await open();
    const file = join(makeFolder(), "token");
    writeFileSync(file, "secret\n");
    const { counts, until } = start(receiver, 3, {
      tokenFile: file,
      headers: { "x-tenant": "gpu" },
    });
    await until(() => counts["sent"] === 3);
    expect(sentValues(receiver)).toEqual([1, 2, 3]);
    expect(receiver.received[0]?.headers).toMatchObject({
      ...protobuf,
      "content-encoding": "gzip",
      authorization: "Bearer secret",
      "x-tenant": "gpu",
    });
    expect(receiver.received[0]?.path).toBe("/v1/metrics");
    expect(counts).toEqual({ accepted: 3, sent: 3, waiting: 0 });
  });

  it.each([429, 502, 503, 504])(
    "sends again what is answered with %d, in its order",
    async (status) => {
      const receiver = await open();
      receiver.answer = (request) => ({ status: request === 1 ? status : 200 });
      const { counts, until, said } = start(receiver, 2);
      await until(() => counts["sent"] === 2);
      expect(sentValues(receiver)).toEqual([1, 1, 2]);
      expect(counts).toEqual({ retry: 1, accepted: 2, sent: 2, waiting: 0 });
      expect(said[0]).toMatch(`answered ${status}`);
      expect(said.at(-1)).toBe("test takes samples again");
    },
  );

  it("waits as long as the receiver asks for", async () => {
    const receiver = await open();
    const began = performance.now();
    receiver.answer = (request) =>
      request === 1 ? { status: 429, headers: { "retry-after": "1" } } : { status: 200 };
    const { counts, until } = start(receiver, 1);
    await until(() => counts["sent"] === 1);
    expect(performance.now() - began).toBeGreaterThan(950);
  });

  it.each([400, 401, 413, 500])(
    "drops and counts what is answered with %d, and goes on",
    async (status) => {
      const receiver = await open();
      receiver.answer = (request) =>
        request === 1
          ? {
              status,
              headers: protobuf,
              body: encodeOtlpStatus("protobuf", 3, "because of\nthe test"),
            }
          : { status: 200 };
      const { counts, until, said } = start(receiver, 2);
      await until(() => counts["sent"] === 1);
      expect(sentValues(receiver)).toEqual([1, 2]);
      // A request and its one point.
      expect(counts).toEqual({ refused: 2, accepted: 1, sent: 1, waiting: 0 });
      expect(said[0]).toContain(`answered ${status}: because of the test`);
    },
  );

  it("counts the points that the receiver leaves out", async () => {
    const receiver = await open();
    receiver.answer = () => ({
      status: 200,
      headers: protobuf,
      body: encodeOtlpResponse("protobuf", 1, "too old"),
    });
    const { counts, until, said } = start(receiver, 1);
    await until(() => counts["rejected"] === 1);
    expect(counts).toEqual({ accepted: 1, sent: 0, rejected: 1, waiting: 0 });
    expect(said[0]).toContain("left out 1 points: too old");
  });

  it("trusts a receiver whose authority it was given, and no other", async () => {
    const authority = makeAuthority(makeFolder());
    const receiver = await startOtlpSink(readCertificate(authority.issue("127.0.0.1")));
    undo.push(receiver.close);
    const trusting = start(receiver, 1, { authorityFile: authority.certificateFile });
    await trusting.until(() => trusting.counts["sent"] === 1);
    const wary = start(receiver, 1);
    await wary.until(() => (wary.counts["retry"] ?? 0) > 0);
    expect(wary.said[0]).toMatch(/UNABLE_TO_|SELF_SIGNED/);
    expect(sentValues(receiver)).toEqual([1]);
  });

  it("drops the oldest that wait beyond the queue's bound, and never what is on its way", async () => {
    const receiver = await open();
    const { promise, resolve } = Promise.withResolvers<OtlpAnswer>();
    receiver.answer = (request) => (request === 1 ? promise : { status: 200 });
    const { counts, until } = start(receiver, 20, { compression: "none", queueBytes: 300 });
    await until(() => (counts["queue_full"] ?? 0) > 10);
    expect(counts["waiting"]).toBeLessThanOrEqual(300);
    resolve({ status: 200 });
    await until(() => (counts["sent"] ?? 0) + (counts["queue_full"] ?? 0) === 20);
    const values = sentValues(receiver);
    expect(values[0]).toBe(1);
    expect(values.at(-1)).toBe(20);
    expect(values).toEqual(values.toSorted((one, other) => one - other));
    expect(values).toHaveLength(counts["sent"] ?? 0);
  });

  it("outlives a receiver that isn't there and one that never answers", async () => {
    const receiver = await open();
    const away = start({ ...receiver, url: "http://127.0.0.1:9" }, 1);
    await away.until(() => (away.counts["retry"] ?? 0) > 0);
    expect(away.said[0]).toContain("127.0.0.1:9");
    receiver.answer = () => new Promise<OtlpAnswer>(() => undefined);
    const silent = start(receiver, 1, { timeoutMilliseconds: 20 });
    await silent.until(() => (silent.counts["retry"] ?? 0) > 0);
    expect(silent.said[0]).toContain("doesn't answer within 0.02 s");
    await Promise.all([away.exporter.close(), silent.exporter.close()]);
  });
});

describe("a receiver's address", () => {
  it("gets the specification's path where it has none of its own", () => {
    expect(otlpUrl("http://otel:4318").href).toBe("http://otel:4318/v1/metrics");
    expect(otlpUrl("http://otel:4318/").href).toBe("http://otel:4318/v1/metrics");
    expect(otlpUrl("http://vm:8428/opentelemetry/v1/metrics").href).toBe(
      "http://vm:8428/opentelemetry/v1/metrics",
    );
  });
});
