import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { OtlpHead } from "../../../../collector/ingest/otlp/receiver.ts";
import { readFields } from "../../../../core/wire/protobuf.ts";
import { encodeOtlpProtobuf, otlpRequest } from "../../../kit/otlp.ts";
import {
  loss,
  minute,
  openOtlpReceiver,
  otlpEncodings,
  pointAt,
  rejectionOf,
  short,
  tokens,
} from "../../../kit/otlp-receiver.ts";
import { createFrameMaker, startMilliseconds, testOrigin } from "../../../kit/rule-bench.ts";

function from(headers: Readonly<Record<string, string>>, remoteAddress = "10.0.0.7"): OtlpHead {
  return { headers, remoteAddress };
}

describe.each(["protobuf", "json"] as const)("the OTLP receiver in %s", (encoding) => {
  it("takes points to history and to the rules as Prometheus would name them", async () => {
    const { send, stored, ingest } = openOtlpReceiver();
    const reply = await send(
      otlpRequest([loss(0, 2.5, { rank: 3 }), tokens(2, [0, 4096])]),
      encoding,
    );
    expect(reply).toMatchObject({
      status: 200,
      headers: { "content-type": otlpEncodings[encoding].type },
    });
    expect(reply.body.toString()).toBe(encoding === "json" ? "{}" : "");
    expect(stored).toEqual([
      "trainer/gpu-7 train_loss{node=gpu-7,rank=3} 2.5 @0",
      "trainer/gpu-7 train_tokens_total{node=gpu-7} 4096 @0",
    ]);
    const [state] = ingest.origins();
    expect(state?.schema.series.map(({ metric }) => [metric.name, metric.kind])).toEqual([
      ["train_loss", "gauge"],
      ["train_tokens_total", "counter"],
      ["target_info", "gauge"],
    ]);
  });

  it("writes what is valid and tells the number and the reasons of the rest", async () => {
    const { send, stored, counted } = openOtlpReceiver({ seriesPerOrigin: 4 });
    const reply = await send(
      otlpRequest([
        loss(0, 1),
        loss(11 * minute, 2, { far: true }),
        loss(0, 3, { note: "x".repeat(2000) }),
        { name: "", gauge: { dataPoints: [pointAt(0, { asDouble: 4 })] } },
        { name: "empty", gauge: { dataPoints: [pointAt(0, {})] } },
        tokens(0, [0, 5]),
        loss(0, 6, { third: 1 }),
        loss(0, 7, { fourth: 1 }),
        loss(0, 8, { fifth: 1 }),
      ]),
      encoding,
    );
    expect(reply.status).toBe(200);
    const { rejected, message } = rejectionOf(reply);
    expect(rejected).toBe(6);
    expect(message).toMatch(/^3 points were written, the rest was not: /);
    for (const part of [
      "1 are from the future",
      "2 have no name, no value",
      "1 have an attribute that is too long",
      "1 are neither deltas nor cumulative",
      "1 are of series over the bound",
    ])
      expect(message).toContain(part);
    expect(stored).toHaveLength(3);
    expect(await counted()).toEqual(
      expect.arrayContaining([
        'warpwatch_otlp_requests_total{outcome="partial"} 1',
        "warpwatch_otlp_points_total 3",
        'warpwatch_otlp_points_refused_total{reason="future"} 1',
        'warpwatch_otlp_points_refused_total{reason="invalid"} 2',
      ]),
    );
  });

  it("answers in its encoding what it can't read, with a status", async () => {
    const { receiver } = openOtlpReceiver();
    const headers = { "content-type": otlpEncodings[encoding].type };
    const reply = await receiver.receive({
      headers,
      remoteAddress: "10.0.0.7",
      body: Buffer.from("{]"),
    });
    expect(reply).toMatchObject({ status: 400, headers });
    if (encoding === "json")
      expect(JSON.parse(reply.body.toString())).toEqual({
        code: 3,
        message: "not OTLP in JSON: it isn't JSON",
      });
    else
      expect(
        readFields(reply.body).map(({ number, value, bytes }) => [number, value, bytes.toString()]),
      ).toEqual([
        [1, 3, ""],
        [2, 0, expect.stringMatching(/^not a Protocol Buffers message: /)],
      ]);
  });
});

describe("the OTLP receiver", () => {
  it("takes requests packed by gzip, and never unpacks more than it may", async () => {
    const { receiver } = openOtlpReceiver({ settings: { message_limit_bytes: 4096 } });
    const headers = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
    const receive = async (body: Buffer): Promise<number> =>
      (await receiver.receive({ headers, remoteAddress: "10.0.0.7", body })).status;
    expect(await receive(gzipSync(encodeOtlpProtobuf(otlpRequest([loss(0, 1)]))))).toBe(200);
    expect(await receive(gzipSync(Buffer.alloc(1_000_000)))).toBe(413);
    expect(await receive(Buffer.from("not gzip"))).toBe(400);
  });

  it("refuses what it doesn't speak and what is too large, before it is read", async () => {
    const { receiver, send } = openOtlpReceiver({
      settings: { body_limit_bytes: 4096, maximum_points: 3 },
    });
    const type = "application/x-protobuf";
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await receiver.receive({ headers, remoteAddress: "10.0.0.7", body: Buffer.alloc(0) }))
        .status;
    expect(await status({ "content-type": "text/plain" })).toBe(415);
    expect(await status({ "content-type": type, "content-encoding": "br" })).toBe(415);
    expect(await status({ "content-type": "application/json; charset=utf-8" })).toBe(400);
    expect(receiver.refuse(from({ "content-type": type, "content-length": "5000" }))?.status).toBe(
      413,
    );
    expect((await send(otlpRequest([tokens(2, [0, 1], [1, 2], [2, 3], [3, 4])]))).status).toBe(413);
  });

  it("holds back what is more than it can take at once, also of those who don't say how much it is", () => {
    const { receiver } = openOtlpReceiver();
    const head = { "content-type": "application/x-protobuf", "transfer-encoding": "chunked" };
    for (let request = 0; request < 16; request += 1)
      expect(receiver.refuse(from(head))).toBeNull();
    expect(receiver.refuse(from(head))).toMatchObject({
      status: 503,
      headers: { "retry-after": "5" },
    });
    receiver.ended(from(head));
    expect(receiver.refuse(from(head))).toBeNull();
  });

  it("answers only when history has the points, and asks for them again when it couldn't", async () => {
    const { send, stored, disk } = openOtlpReceiver();
    disk.fails = true;
    const request = otlpRequest([loss(0, 1), tokens(1, [0, 5])]);
    expect(await send(request)).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
    disk.fails = false;
    expect((await send(request)).status).toBe(200);
    // The delta was added once.
    expect(short(stored)).toEqual(["train_loss{} 1 @0", "train_tokens_total{} 5 @0"]);
    expect((await send(request)).status).toBe(200);
    expect(stored).toHaveLength(2);
  });

  it("lets nobody take more than its share, and others go on", async () => {
    const { receiver, clock } = openOtlpReceiver();
    const head = { "content-type": "application/json", "content-length": "100" };
    const send = (address: string): number | undefined => {
      const refused = receiver.refuse(from(head, address));
      if (refused === null) receiver.ended(from(head, address));
      return refused?.status;
    };
    let taken = 0;
    while (send("10.0.0.7") === undefined && taken < 10_000) taken += 1;
    // Four seconds' worth of requests at once.
    expect(taken).toBeGreaterThan(700);
    expect(taken).toBeLessThan(900);
    expect(receiver.refuse(from(head))).toMatchObject({
      status: 429,
      headers: { "retry-after": "1" },
    });
    expect(send("10.0.0.8")).toBeUndefined();
    await clock.advance(1000);
    expect(send("10.0.0.7")).toBeUndefined();
  });

  it("lets others have their turn while it reads a large request, and reads the next one after it", async () => {
    const { receiver } = openOtlpReceiver({ isTimed: true, seriesPerOrigin: 100_000 });
    const points = (rank: number) =>
      Array.from({ length: 20_000 }, (_, at) => pointAt(0, { asDouble: at }, { at, rank }));
    const body = (rank: number): Buffer =>
      encodeOtlpProtobuf(otlpRequest([{ name: "m", gauge: { dataPoints: points(rank) } }]));
    const headers = { "content-type": "application/x-protobuf" };
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    const requests = [1, 2].map((rank) => ({ ...from(headers), body: body(rank) }));
    setImmediate(count);
    const replies = await Promise.all(requests.map((request) => receiver.receive(request)));
    isOver = true;
    expect(replies.map((reply) => [reply.status, rejectionOf(reply).rejected])).toEqual([
      [200, 0],
      [200, 0],
    ]);
    expect(turns).toBeGreaterThan(5);
  });

  it("refuses points under the name of what is scraped here, deltas as well, and says so", async () => {
    const { ingest, send, stored, counted } = openOtlpReceiver();
    const origin = { ...testOrigin, job: "trainer", instance: "gpu-7" };
    ingest.accept(createFrameMaker(origin)(startMilliseconds, [{ metric: "up", value: 1 }]));
    const reply = await send(otlpRequest([loss(0, 2.5), tokens(1, [0, 4096])]));
    expect(rejectionOf(reply)).toMatchObject({
      rejected: 2,
      message: expect.stringContaining("2 go by a service and an instance that are scraped here"),
    });
    expect(stored).toEqual([]);
    expect(await counted()).toContain('warpwatch_otlp_points_refused_total{reason="taken"} 2');
  });

  it("begins the totals of deltas at 0 after a restart, as a counter's reset, and goes on with cumulative ones", async () => {
    const shown: string[] = [];
    for (const [life, offset] of [0, 60_000].entries()) {
      const { send, stored } = openOtlpReceiver();
      await send(otlpRequest([tokens(1, [offset, 100])]));
      await send(otlpRequest([tokens(1, [offset + 1000, 30])]));
      const cumulative = { ...tokens(2, [offset + 1000, 500 + life]), name: "train.steps" };
      await send(otlpRequest([cumulative]));
      shown.push(...stored.map((sample) => sample.replace(/^\S+ |\{.*\}/g, "")));
    }
    expect(shown).toEqual([
      "train_tokens_total 100 @0",
      "train_tokens_total 130 @1000",
      "train_steps_total 500 @1000",
      "train_tokens_total 100 @60000",
      "train_tokens_total 130 @61000",
      "train_steps_total 501 @61000",
    ]);
  });
});
