import { deflateSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import {
  createPushDoor,
  type PushDoor,
  type PushReply,
} from "../../../../collector/ingest/push/door.ts";
import type { OriginState } from "../../../../collector/origin.ts";
import { encodeEvents } from "../../../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../../../core/wire/event.ts";
import { createFrameEncoder } from "../../../../core/wire/frame-codec.ts";
import type { Frame } from "../../../../core/wire/frame.ts";
import { pushHeaders, pushLimits } from "../../../../core/wire/push.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import { createRandom } from "../../../kit/random.ts";
import {
  createFrameMaker,
  createTestMetrics,
  quietLog,
  startMilliseconds,
  testOrigin,
} from "../../../kit/rule-bench.ts";

const agent = encodeURIComponent(testOrigin.instance);
const headers = { [pushHeaders.agent]: agent, [pushHeaders.boot]: "boot" };
const live = { ...headers, [pushHeaders.lane]: "live" };
const replay = { ...headers, [pushHeaders.lane]: "replay" };

function create(options: { readonly stored?: () => Promise<void> } = {}) {
  const clock = createFakeClock(startMilliseconds);
  const metrics = createTestMetrics(clock);
  const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
  const states: number[] = [];
  const late: number[] = [];
  ingest.listen({
    frame: ({ sequence }: OriginState) => void states.push(sequence),
    late: ({ sequence }) => void late.push(sequence),
  });
  const events: WarpwatchEvent[] = [];
  const door = createPushDoor({
    clock,
    log: quietLog,
    metrics,
    ingest,
    origins: 10,
    seriesPerOrigin: 100,
    stored: options.stored ?? (() => Promise.resolve()),
    keepEvents: (kept) => void events.push(...kept),
  });
  const make = createFrameMaker();
  const encoder = createFrameEncoder();
  const frame = (second: number): Frame =>
    make(startMilliseconds + second * 1000, [{ metric: "level", value: second }]);
  return {
    clock,
    door,
    states,
    late,
    events,
    encoder,
    frame,
    bytes: (second: number) => Buffer.from(encoder.encode(frame(second))),
    metrics,
  };
}

const ask = (door: PushDoor, more: Record<string, string>): Promise<PushReply | null> =>
  door.refuse("frames", { headers: { ...live, "content-length": "100", ...more } });

describe("the door for what agents push", () => {
  it("takes the schema once and differences after it, and says what it acknowledged", async () => {
    const { door, bytes, states } = create();
    const first = bytes(1);
    const second = bytes(2);
    expect(second.length).toBeLessThan(first.length / 2);
    expect(await door.frames({ headers: live, body: first })).toEqual({
      status: 200,
      body: { acknowledged: 1, refused: 0 },
    });
    const packed = Buffer.concat([second, bytes(3)]);
    for (const [coding, body] of [["zstd", zstdCompressSync(packed)]] as const)
      expect(
        await door.frames({ headers: { ...live, "content-encoding": coding }, body }),
      ).toMatchObject({ body: { acknowledged: 3 } });
    const body = deflateSync(bytes(4));
    await door.frames({ headers: { ...live, "content-encoding": "deflate" }, body });
    expect(states).toEqual([1, 2, 3, 4]);
  });

  it("asks for the schema again when it doesn't know the session", async () => {
    const { door, bytes, states } = create();
    bytes(1);
    expect(await door.frames({ headers: live, body: bytes(2) })).toMatchObject({ status: 409 });
    expect(states).toEqual([]);
  });

  it("answers only when the frames are on disk, and that they are not when they can't be", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let stored = promise;
    const { door, bytes, clock } = create({ stored: () => stored });
    let answered = false;
    const answer = door.frames({ headers: live, body: bytes(1) }).then((reply) => {
      answered = true;
      return reply;
    });
    await clock.advance(1000);
    expect(answered).toBe(false);
    resolve();
    expect((await answer).status).toBe(200);
    stored = Promise.reject(new Error("disk full"));
    const failed = await door.frames({ headers: live, body: bytes(2) });
    expect(failed.status).toBe(503);
    expect(failed.headers).toEqual({ "retry-after": "1" });
  });

  it("hands a replay to what keeps the past, and to nothing that judges the present", async () => {
    const { door, frame, states, late, clock } = create();
    const old = [frame(1), frame(2)];
    const encoder = createFrameEncoder();
    await clock.advance(60_000);
    const now = createFrameEncoder().encode(frame(60));
    await door.frames({ headers: live, body: Buffer.from(now) });
    const body = Buffer.concat(old.map((one) => Buffer.from(encoder.encode(one))));
    const reply = await door.frames({ headers: replay, body });
    expect(reply).toMatchObject({ status: 200, body: { acknowledged: 2, refused: 0 } });
    expect(states).toEqual([3]);
    expect(late).toEqual([1, 2]);
  });

  it("keeps a frame again that comes again, so that it is on disk before it is acknowledged", async () => {
    const { door, frame, states, late } = create();
    const one = frame(1);
    for (let time = 0; time < 2; time += 1)
      await door.frames({ headers: live, body: Buffer.from(createFrameEncoder().encode(one)) });
    expect(states).toEqual([1]);
    expect(late).toEqual([1]);
  });

  it("refuses and counts a frame from the future, and acknowledges it, for it will never be taken", async () => {
    const { door, bytes, states } = create();
    const reply = await door.frames({ headers: live, body: bytes(601) });
    expect(reply).toMatchObject({ status: 200, body: { refused: 1 } });
    expect(states).toEqual([]);
  });

  it("refuses what would unpack beyond its bound without unpacking it", async () => {
    const { door } = create();
    const bomb = Buffer.alloc(pushLimits.unpackedBytes + 1);
    for (const [coding, body] of [
      ["zstd", zstdCompressSync(bomb)],
      ["deflate", deflateSync(bomb)],
    ] as const)
      expect(
        await door.frames({ headers: { ...live, "content-encoding": coding }, body }),
      ).toMatchObject({ status: 413 });
  });

  it("refuses frames in another agent's name", async () => {
    const { door, bytes, states } = create();
    const other = { ...live, [pushHeaders.agent]: "node-2%3A9410" };
    expect(await door.frames({ headers: other, body: bytes(1) })).toMatchObject({ status: 400 });
    expect(states).toEqual([]);
  });

  it.each([
    ["no agent", { [pushHeaders.agent]: "" }, 400],
    ["an agent that isn't a name", { [pushHeaders.agent]: "a b" }, 400],
    ["no boot", { [pushHeaders.boot]: "" }, 400],
    ["no length", { "content-length": "" }, 411],
    ["a length beyond the bound", { "content-length": String(pushLimits.bodyBytes + 1) }, 413],
  ])("refuses before it reads: %s", async (_, more, status) => {
    const { door } = create();
    expect(await ask(door, more)).toMatchObject({ status });
  });

  it("holds back who sends without measure, tells when to come again, and lets others in meanwhile", async () => {
    const { door, clock } = create();
    const modest = { "content-length": "10000" };
    for (let request = 0; request < 300; request += 1) {
      expect(await ask(door, modest)).toBeNull();
      door.ended("frames", { headers: { ...live, ...modest } });
      await clock.advance(100);
    }
    const flood: Promise<PushReply | null>[] = [];
    for (let request = 0; request < 100; request += 1)
      flood.push(ask(door, { "content-length": "1000000" }));
    const other = await ask(door, { [pushHeaders.agent]: "node-2" });
    expect(other).toBeNull();
    await clock.advance(1000);
    const replies = await Promise.all(flood);
    const held = replies.filter((reply) => reply !== null);
    expect(held.length).toBeGreaterThan(90);
    for (const { status, headers: said } of held) {
      expect(status).toBe(429);
      expect(Number(said?.["retry-after"])).toBeGreaterThan(0);
    }
    await clock.advance(60_000);
    for (const reply of replies)
      if (reply === null)
        door.ended("frames", { headers: { ...live, "content-length": "1000000" } });
    expect(await ask(door, {})).toBeNull();
  });

  it("keeps the events it can read and counts the others", async () => {
    const { door, events } = create();
    const event = (sequence: number): WarpwatchEvent => ({
      node: "node-1",
      boot: "boot",
      sequence,
      timeMilliseconds: startMilliseconds,
      kind: "xid",
      device: "",
      text: "XID 48",
      fields: {},
    });
    const body = Buffer.from(`${encodeEvents([event(1)])}{"odd":1}\n${encodeEvents([event(2)])}`);
    const reply = await door.events({ headers, body });
    expect(reply).toEqual({ status: 200, body: { acknowledged: 2, refused: 1 } });
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it("answers any bytes with a status, and takes good frames after them", async () => {
    const { door, frame, clock } = create();
    const random = createRandom(20_261_122);
    const whole = Buffer.from(createFrameEncoder().encode(frame(1)));
    const statuses = new Set<number>();
    for (let run = 0; run < 2000; run += 1) {
      const body = Buffer.from(whole.subarray(0, random.below(whole.length + 1)));
      for (let count = random.below(4); count > 0 && body.length > 0; count -= 1)
        body[random.below(body.length)] = random.below(256);
      const coding = ["", "zstd", "deflate", "br"][random.below(4)] ?? "";
      const lane = random.below(2) === 0 ? live : replay;
      const isEvents = random.below(4) === 0;
      const packed = coding === "zstd" && random.below(2) === 0 ? zstdCompressSync(body) : body;
      const request = { headers: { ...lane, "content-encoding": coding }, body: packed };
      const reply = isEvents ? await door.events(request) : await door.frames(request);
      statuses.add(reply.status);
      if (run % 100 === 0) await clock.advance(1000);
    }
    expect([...statuses].toSorted((one, other) => one - other)).toEqual([200, 400, 409, 415]);
    const good = Buffer.from(createFrameEncoder().encode(frame(2)));
    expect((await door.frames({ headers: live, body: good })).status).toBe(200);
  });
});
