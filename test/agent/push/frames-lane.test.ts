import { describe, expect, it } from "vitest";
import { createFramesLane } from "../../../agent/push/frames-lane.ts";
import type { Post, PushResult } from "../../../agent/push/client.ts";
import { createComplaints } from "../../../agent/push/complaints.ts";
import { createRetry } from "../../../agent/push/retry.ts";
import { openSpool } from "../../../agent/push/spool.ts";
import { createSessions } from "../../../collector/ingest/push/sessions.ts";
import { unpack } from "../../../collector/ingest/push/unpack.ts";
import { pushHeaders } from "../../../core/wire/push.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { createFrameMaker, quietLog } from "../../kit/rule-bench.ts";

interface Got {
  readonly lane: string;
  readonly sequence: number;
  readonly second: number;
}

/** A lane on a fake clock, to a collector that reads as the real one does and answers what the test says. */
function createLane(options: { readonly spool: boolean }) {
  const clock = createFakeClock();
  const start = clock.monotonic();
  const sessions = createSessions({ sessions: 10, series: 1e6, seriesPerSchema: 1000 });
  const got: Got[] = [];
  const requests: string[] = [];
  const drops: Record<string, number> = {};
  const answers: { next: ((lane: string) => PushResult | null) | null } = { next: null };
  const onDrop = (reason: string, frames: number): void => {
    drops[reason] = (drops[reason] ?? 0) + frames;
  };
  const spool = options.spool
    ? openSpool({ folder: makeFolder(), maximumBytes: 1024 * 1024, clock, onDrop })
    : null;
  const post: Post = async ({ headers, body }) => {
    const lane = headers[pushHeaders.lane] ?? "";
    requests.push(lane);
    const refusal = answers.next?.(lane);
    if (refusal) return refusal;
    const bytes = unpack(body, headers["content-encoding"] ?? "", 1e7) ?? Buffer.alloc(0);
    if (!sessions.has(lane) && bytes[3] !== 1) return { kind: "again" };
    const second = Math.round((clock.monotonic() - start) / 1000);
    for (let at = 0; at < bytes.length;)
      at = sessions.read(lane, bytes, at, ({ sequence }) => got.push({ lane, sequence, second }));
    return { kind: "settled", refused: 0 };
  };
  let jitter = 0;
  const randomId = (): string => ((jitter += 1) % 2 === 0 ? "00000000" : "ffffffff");
  const lane = createFramesLane({
    post,
    clock,
    boot: "boot",
    spool,
    retries: { live: createRetry(clock, randomId), replay: createRetry(clock, randomId) },
    complaints: createComplaints(clock, quietLog, "frames"),
    onDrop,
  });
  const make = createFrameMaker();
  return {
    clock,
    lane,
    spool,
    got,
    requests,
    drops,
    answers,
    forgetSessions: () => sessions.forget("live"),
    /** A frame a second. */
    run: async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second += 1) {
        lane.accept(make(clock.now(), [{ metric: "level", value: second }]));
        await clock.advance(1000);
        // What reads and writes files has time of its own.
        if (spool) await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
  };
}

const away: PushResult = { kind: "unreachable", sentence: "nobody is there" };
const numbers = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("frames on their way", () => {
  it("go at once, one request each, while the collector answers", async () => {
    const { run, got, requests } = createLane({ spool: false });
    await run(5);
    expect(got.map(({ sequence }) => sequence)).toEqual(numbers(1, 5));
    expect(got.map(({ second }) => second)).toEqual([0, 1, 2, 3, 4]);
    expect(requests).toEqual(Array(5).fill("live"));
  });

  it("wait in memory for a short outage and go together, in order", async () => {
    const { run, got, answers, drops } = createLane({ spool: false });
    await run(2);
    answers.next = () => away;
    await run(6);
    answers.next = null;
    await run(6);
    expect(got.map(({ sequence }) => sequence)).toEqual(numbers(1, 14));
    expect(got.every(({ lane }) => lane === "live")).toBe(true);
    expect(drops).toEqual({});
  });

  it("begin with the schema again when the collector lost the session", async () => {
    const { run, got, requests, forgetSessions } = createLane({ spool: false });
    await run(2);
    forgetSessions();
    await run(2);
    expect(got.map(({ sequence }) => sequence)).toEqual(numbers(1, 4));
    expect(requests).toHaveLength(5);
  });

  it("of two minutes' outage come from the spool, behind the live ones, at no more than four times their rate, each once", async () => {
    const { run, got, answers, drops, spool, lane } = createLane({ spool: true });
    await run(3);
    answers.next = () => away;
    await run(120);
    expect(spool?.frames).toBeGreaterThan(100);
    answers.next = null;
    const back = got.length;
    let seconds = 0;
    // How long the disk takes is nothing that the fake clock knows.
    const isOver = (): boolean => seconds >= 30 && spool?.frames === 0;
    for (; !isOver(); seconds += 1) await run(1);
    const live = got.slice(back).filter((one) => one.lane === "live");
    const replayed = got.filter((one) => one.lane === "replay");
    expect(got.map(({ sequence }) => sequence).toSorted((one, other) => one - other)).toEqual(
      numbers(1, 123 + seconds),
    );
    expect(got[back]?.lane).toBe("live");
    // In order in themselves, and the live ones as they are made.
    for (const lane of [live, replayed])
      expect(lane.map(({ sequence }) => sequence)).toEqual(
        lane.map(({ sequence }) => sequence).toSorted((one, other) => one - other),
      );
    expect(live.filter(({ sequence }) => sequence > 130).every(isPrompt)).toBe(true);
    for (const second of new Set(replayed.map((one) => one.second))) {
      const until = replayed.filter((one) => one.second <= second).length;
      const liveUntil = live.filter((one) => one.second <= second).length;
      expect(until).toBeLessThanOrEqual(4 * liveUntil);
    }
    expect(drops).toEqual({});
    await lane.stop();
  });

  it("are dropped oldest first and counted where there is no spool", async () => {
    const { run, got, answers, drops } = createLane({ spool: false });
    answers.next = () => away;
    await run(60);
    answers.next = null;
    await run(8);
    const dropped = drops["memory_full"] ?? 0;
    expect(dropped).toBeGreaterThan(40);
    expect(got.map(({ sequence }) => sequence)).toEqual(numbers(dropped + 1, 68));
  });

  it("wait as long as the collector asks, and not much longer", async () => {
    const { run, got, answers, requests } = createLane({ spool: false });
    await run(1);
    answers.next = () => ({ kind: "later", waitMilliseconds: 3000, sentence: "429" });
    await run(1);
    answers.next = null;
    const before = requests.length;
    await run(2);
    expect(requests).toHaveLength(before);
    await run(2);
    expect(got.map(({ sequence }) => sequence)).toEqual(numbers(1, 6));
  });

  it("go in smaller requests when one is too large", async () => {
    const { run, got, answers, drops } = createLane({ spool: false });
    answers.next = () => away;
    await run(8);
    let requests = 0;
    answers.next = () => {
      requests += 1;
      return requests <= 2 ? { kind: "too_large", sentence: "413" } : null;
    };
    await run(8);
    expect(got.map(({ sequence }) => sequence)).toEqual(numbers(1, 16));
    expect(drops).toEqual({});
  });

  it("that are refused as they are, whole too, are dropped and counted, and those behind them go", async () => {
    const { run, got, answers, drops } = createLane({ spool: false });
    await run(2);
    let refusals = 0;
    answers.next = () => {
      refusals += 1;
      return refusals <= 2 ? { kind: "refused", sentence: "400" } : null;
    };
    await run(3);
    expect(got.map(({ sequence }) => sequence)).toEqual([1, 2, 4, 5]);
    expect(drops).toEqual({ refused: 1 });
  });

  it("go to the spool when the agent stops before they are settled", async () => {
    const { run, answers, lane, spool } = createLane({ spool: true });
    answers.next = () => away;
    await run(5);
    const stopped = lane.stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await stopped;
    expect(spool?.frames).toBe(5);
  });
});

/** Sent in the second in which it was made: frame n is made in second n - 1. */
function isPrompt({ sequence, second }: Got): boolean {
  return second - (sequence - 1) <= 1;
}
