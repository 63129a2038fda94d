import { describe, expect, it } from "vitest";
import {
  createIngest,
  defaultIngestLimits,
  type IngestLimits,
} from "../../../collector/ingest/door.ts";
import type { OriginState } from "../../../collector/origin.ts";
import { isPresent, type Frame } from "../../../core/wire/frame.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import {
  createFrameMaker,
  createTestMetrics,
  quietLog,
  startMilliseconds,
  testOrigin,
  type Sample,
} from "../../kit/rule-bench.ts";

function createDoor(limits: Partial<IngestLimits> = {}, reserved: readonly string[] = []) {
  const clock = createFakeClock(startMilliseconds);
  const metrics = createTestMetrics(clock);
  const ingest = createIngest({
    clock,
    log: quietLog,
    metrics,
    limits: { ...defaultIngestLimits, ...limits },
    reserved: new Set(reserved),
  });
  const seen: Record<string, number>[] = [];
  const forgotten: string[] = [];
  ingest.listen({ frame: (state) => seen.push(read(state)), forget: (key) => forgotten.push(key) });
  const refused = async (): Promise<string[]> =>
    (await metrics.render("text")).match(/^warpwatch_ingest_\w+refused_total\{.*\} [1-9]\d*$/gm) ??
    [];
  return { clock, ingest, seen, forgotten, refused };
}

/** What a state holds, by name and labels. */
function read(state: OriginState): Record<string, number> {
  const found: Record<string, number> = {};
  state.schema.series.forEach(({ metric, values }, slot) => {
    if (isPresent(state.present, slot))
      found[[metric.name, ...values].join(" ")] = state.values[slot] ?? Number.NaN;
  });
  return found;
}

const stalenessMarker = 0x7ff0000000000002n;
const one = (value: number | undefined, metric = "a"): Sample => ({ metric, value });

describe("the door", () => {
  it("copies what a frame holds, so that the sender may use its arrays again", () => {
    const { ingest, seen } = createDoor();
    const frame = createFrameMaker()(startMilliseconds, [one(1), one(undefined, "b")]);
    ingest.accept(frame);
    frame.values.fill(99);
    frame.present.fill(255);
    expect(seen).toEqual([{ a: 1 }]);
    expect([...ingest.origins()].map(read)).toEqual([{ a: 1 }]);
  });

  it("takes a moment that a partial sender splits over several frames, and no sample that isn't newer", async () => {
    const { ingest, seen, refused } = createDoor();
    const frame = createFrameMaker();
    const partial = { complete: false };
    const later = startMilliseconds + 1000;
    ingest.accept(frame(later, [one(1), one(undefined, "b")], partial));
    ingest.accept(frame(later, [one(undefined), one(2, "b")], partial));
    ingest.accept(frame(later, [one(8), one(undefined, "b")], partial));
    ingest.accept(frame(startMilliseconds, [one(9), one(9, "b")], partial));
    expect(seen.at(-1)).toEqual({ a: 1, b: 2 });
    expect([...ingest.origins()][0]?.timeMilliseconds).toBe(later);
    expect(await refused()).toEqual([
      'warpwatch_ingest_samples_refused_total{reason="outdated"} 3',
    ]);
  });

  it("takes the parts of a moment for one when it learns how often a partial sender reports", async () => {
    const { ingest, clock } = createDoor();
    const frame = createFrameMaker();
    for (let round = 1; round <= 10; round += 1) {
      await clock.advance(15_000);
      const time = clock.now();
      for (const part of [1, 2, 3]) {
        ingest.accept(frame(time, [one(part)], { complete: false }));
        await clock.advance(100);
      }
    }
    const [state] = ingest.origins();
    expect(state?.periodMilliseconds).toBeCloseTo(15_300, 5);
  });

  it("ends a series that a complete frame lacks, and keeps one that a partial frame lacks", () => {
    const { ingest, seen } = createDoor();
    const make = createFrameMaker();
    ingest.accept(make(startMilliseconds, [one(1), one(2, "b")], { complete: false }));
    ingest.accept(
      make(startMilliseconds + 1000, [one(3), one(undefined, "b")], { complete: false }),
    );
    ingest.accept(make(startMilliseconds + 2000, [one(4)], { complete: false }));
    ingest.accept(make(startMilliseconds + 3000, [one(5), one(undefined, "b")]));
    expect(seen).toEqual([{ a: 1, b: 2 }, { a: 3, b: 2 }, { a: 4 }, { a: 5 }]);
  });

  it("ends what a partial sender hasn't sent for five minutes", async () => {
    const { clock, ingest, seen } = createDoor();
    const make = createFrameMaker();
    ingest.accept(make(clock.now(), [one(1), one(2, "b")], { complete: false }));
    await clock.advance(300_001);
    ingest.accept(make(clock.now(), [one(3), one(undefined, "b")], { complete: false }));
    expect(seen.at(-1)).toEqual({ a: 3 });
  });

  it.each([true, false])(
    "ends a series at Prometheus' staleness marker, and takes any other NaN as a value (complete: %s)",
    (complete) => {
      const { ingest, seen } = createDoor();
      const make = createFrameMaker();
      const frame = make(startMilliseconds, [one(1), one(2, "b")], { complete });
      frame.values[1] = Number.NaN;
      ingest.accept(frame);
      expect(seen.at(-1)).toEqual({ a: 1, b: Number.NaN });
      const marked = make(startMilliseconds + 1000, [one(1), one(2, "b")], { complete });
      new BigUint64Array(marked.values.buffer)[1] = stalenessMarker;
      ingest.accept(marked);
      expect(seen.at(-1)).toEqual({ a: 1 });
    },
  );

  it.each([true, false])("says which slots a frame changed (complete: %s)", (complete) => {
    const { ingest } = createDoor();
    const make = createFrameMaker();
    const changed: (readonly number[])[] = [];
    ingest.listen({
      frame: (state) => changed.push([0, 1, 2].filter((slot) => isPresent(state.changed, slot))),
    });
    const send = (second: number, values: readonly number[], marked = false): void => {
      const samples = values.map((value, slot) => one(value, "abc"[slot]));
      const frame = make(startMilliseconds + second * 1000, samples, { complete });
      if (marked) new BigUint64Array(frame.values.buffer)[2] = stalenessMarker;
      ingest.accept(frame);
    };
    send(0, [1, 2, 3]);
    send(1, [1, 2, 3]);
    send(2, [1, 5, 3]);
    send(3, [-0, 5, 3]);
    send(4, [0, 5, 3]);
    send(5, [0, 5, 3], true);
    send(6, [0, 5, 3]);
    expect(changed).toEqual([[0, 1, 2], [], [1], [0], [0], [2], [2]]);
  });

  it("takes a frame once, and none that is older than the last", async () => {
    const { clock, ingest, seen, refused } = createDoor();
    await clock.advance(5000);
    const make = createFrameMaker();
    const first = make(startMilliseconds, [one(1)]);
    const second = make(startMilliseconds + 1000, [one(2)]);
    const sameTime = make(startMilliseconds + 1000, [one(3)]);
    for (const frame of [first, second, second, first, sameTime]) ingest.accept(frame);
    expect(seen).toEqual([{ a: 1 }, { a: 2 }]);
    expect(await refused()).toEqual([
      'warpwatch_ingest_frames_refused_total{reason="duplicate"} 1',
      'warpwatch_ingest_frames_refused_total{reason="late"} 2',
    ]);
  });

  it("hands a late frame of a sender that waits for an answer to what keeps the past, without what the limits refuse", async () => {
    const { clock, ingest, seen, refused } = createDoor({ seriesPerOrigin: 1 });
    const late: Frame[] = [];
    ingest.listen({ frame: () => {}, late: (frame) => void late.push(frame) });
    await clock.advance(10_000);
    const make = createFrameMaker();
    const before = make(startMilliseconds, [one(1), one(2, "b")]);
    const now = make(startMilliseconds + 9000, [one(3), one(4, "b")]);
    expect(ingest.receive(now, { replay: false })).toBe("accepted");
    expect(ingest.receive(before, { replay: false })).toBe("late");
    expect(ingest.receive(make(startMilliseconds + 9500, [one(9)]), { replay: true })).toBe("late");
    expect(seen).toEqual([{ a: 3 }]);
    expect(late.map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect(late[0]?.schema.series).toHaveLength(1);
    expect([...(late[0]?.values ?? [])]).toEqual([1]);
    expect(await refused()).toEqual(['warpwatch_ingest_samples_refused_total{reason="series"} 2']);
  });

  it("takes a sender's frames from the first again after it was started anew", async () => {
    const { clock, ingest, seen } = createDoor();
    await clock.advance(5000);
    const before = createFrameMaker();
    for (const second of [0, 1, 2])
      ingest.accept(before(startMilliseconds + second * 1000, [one(1)]));
    const after = createFrameMaker({ ...testOrigin, boot: "boot-2" });
    ingest.accept(after(startMilliseconds + 1000, [one(8)]));
    ingest.accept(after(startMilliseconds + 3000, [one(9)]));
    expect(seen.slice(3)).toEqual([{ a: 9 }]);
  });

  it("lets a replay of old frames change nothing", async () => {
    const { clock, ingest, seen, refused } = createDoor({ lateMilliseconds: 60_000 });
    await clock.advance(60_001);
    ingest.accept(createFrameMaker()(startMilliseconds, [one(1)]));
    expect(seen).toEqual([]);
    expect(await refused()).toEqual(['warpwatch_ingest_frames_refused_total{reason="late"} 1']);
  });

  it("refuses samples from more than ten minutes ahead", async () => {
    const { ingest, seen, refused } = createDoor();
    const make = createFrameMaker();
    ingest.accept(make(startMilliseconds + 600_000, [one(1)]));
    ingest.accept(make(startMilliseconds + 600_001, [one(2)]));
    expect(seen).toEqual([{ a: 1 }]);
    expect(await refused()).toEqual(['warpwatch_ingest_frames_refused_total{reason="future"} 1']);
  });

  it("believes a sender again at once whose clock ran ahead and was set right", () => {
    const { ingest, seen } = createDoor();
    const make = createFrameMaker();
    ingest.accept(make(startMilliseconds + 500_000, [one(1)]));
    ingest.accept(make(startMilliseconds, [one(2)]));
    expect(seen).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it("leaves out the group that is from the future and takes the others", async () => {
    const { ingest, seen, refused } = createDoor();
    const frame = createFrameMaker()(startMilliseconds, [one(1), one(2, "b")]);
    const groups = [
      { source: "x", first: 0, length: 1 },
      { source: "y", first: 1, length: 1 },
    ];
    const timestamps = Float64Array.of(startMilliseconds, startMilliseconds + 900_000);
    ingest.accept({ ...frame, timestamps, schema: { ...frame.schema, groups } });
    expect(seen).toEqual([{ a: 1 }]);
    expect(await refused()).toEqual(['warpwatch_ingest_samples_refused_total{reason="future"} 1']);
  });

  it("refuses a frame without any time", async () => {
    const { ingest, refused } = createDoor();
    ingest.accept(createFrameMaker()(0, [one(1)]));
    expect(await refused()).toEqual(['warpwatch_ingest_frames_refused_total{reason="untimed"} 1']);
  });

  it("keeps as many series of an origin as the bound allows, and counts the others", async () => {
    const { ingest, seen, refused } = createDoor({ seriesPerOrigin: 2 });
    ingest.accept(createFrameMaker()(startMilliseconds, [one(1), one(2, "b"), one(3, "c")]));
    expect(seen).toEqual([{ a: 1, b: 2 }]);
    expect(await refused()).toEqual(['warpwatch_ingest_samples_refused_total{reason="series"} 1']);
  });

  it("leaves out a series with a label value that is too long, and keeps the others in their places", async () => {
    const { ingest, seen, refused } = createDoor({ labelValueLength: 8 });
    const make = createFrameMaker();
    const long: Sample = { metric: "b", labels: { x: "123456789" }, value: 2 };
    ingest.accept(make(startMilliseconds, [one(1), long, one(3, "c")]));
    ingest.accept(make(startMilliseconds + 1000, [one(4), long, one(undefined, "c")]));
    expect(seen).toEqual([{ a: 1, c: 3 }, { a: 4 }]);
    expect(await refused()).toEqual([
      'warpwatch_ingest_samples_refused_total{reason="label_length"} 2',
    ]);
  });

  it("has no bound on the series of the collector's own frames", () => {
    const { ingest, seen } = createDoor({ seriesPerOrigin: 1 });
    ingest.own.accept(createFrameMaker()(startMilliseconds, [one(1), one(2, "b")]));
    expect(seen).toEqual([{ a: 1, b: 2 }]);
  });

  it("refuses an origin past the bound until one has been silent for an hour", async () => {
    const { clock, ingest, forgotten, refused } = createDoor({ origins: 2 });
    const makerOf = (instance: string) => createFrameMaker({ ...testOrigin, instance });
    ingest.accept(makerOf("a")(clock.now(), [one(1)]));
    await clock.advance(1000);
    ingest.accept(makerOf("b")(clock.now(), [one(1)]));
    ingest.accept(makerOf("c")(clock.now(), [one(1)]));
    expect(await refused()).toEqual(['warpwatch_ingest_frames_refused_total{reason="origins"} 1']);
    await clock.advance(3_599_000);
    ingest.accept(makerOf("c")(clock.now(), [one(1)]));
    expect(forgotten).toEqual(["warpwatch/a"]);
    expect([...ingest.origins()].map(({ key }) => key)).toEqual(["warpwatch/b", "warpwatch/c"]);
  });

  it("counts a listener that fails and tells the others all the same", async () => {
    const { ingest, seen } = createDoor();
    const later: string[] = [];
    ingest.listen({
      frame() {
        throw new Error("broken");
      },
    });
    ingest.listen({ frame: (state) => later.push(state.key) });
    ingest.accept(createFrameMaker()(startMilliseconds, [one(1)]));
    expect([seen.length, later]).toEqual([1, ["warpwatch/node-1:9410"]]);
  });

  it("learns the period from the frames, and not from a pause", async () => {
    const { clock, ingest } = createDoor();
    const make = createFrameMaker();
    for (let count = 0; count < 20; count++) {
      ingest.accept(make(clock.now(), [one(1)]));
      await clock.advance(2000);
    }
    expect([...ingest.origins()][0]?.periodMilliseconds).toBeCloseTo(2000, 6);
    await clock.advance(600_000);
    ingest.accept(make(clock.now(), [one(1)]));
    expect([...ingest.origins()][0]?.periodMilliseconds).toBeLessThan(4000);
  });

  const broken: [string, (frame: Frame) => Frame][] = [
    ["fewer values", (frame) => ({ ...frame, values: new Float64Array(1) })],
    ["fewer bits", (frame) => ({ ...frame, present: new Uint8Array(0) })],
    ["no timestamps", (frame) => ({ ...frame, timestamps: new Float64Array(0) })],
    [
      "groups that overlap",
      (frame) => ({
        ...frame,
        timestamps: Float64Array.of(1, 1),
        schema: {
          ...frame.schema,
          groups: [
            { source: "a", first: 0, length: 2 },
            { source: "b", first: 1, length: 1 },
          ],
        },
      }),
    ],
    [
      "groups that leave a series out",
      (frame) => ({
        ...frame,
        schema: { ...frame.schema, groups: [{ source: "a", first: 0, length: 1 }] },
      }),
    ],
  ];
  it.each(broken)("refuses a frame with %s", async (_name, breakIt) => {
    const { ingest, seen, refused } = createDoor();
    ingest.accept(breakIt(createFrameMaker()(startMilliseconds, [one(1), one(2, "b")])));
    expect(seen).toEqual([]);
    expect(await refused()).toEqual([
      'warpwatch_ingest_frames_refused_total{reason="malformed"} 1',
    ]);
  });

  const own = `${testOrigin.job}/${testOrigin.instance}`;

  it("refuses what is sent under the collector's own name, from the start, and counts it", async () => {
    const { ingest, seen, refused } = createDoor({}, [own]);
    const forged = createFrameMaker();
    const honest = createFrameMaker();
    for (const replay of [false, true])
      expect(ingest.receive(forged(startMilliseconds, [one(6)]), { replay })).toBe("taken");
    ingest.pushed.accept(forged(startMilliseconds, [one(6)], { complete: false }));
    expect(ingest.pushed.isTaken(own)).toBe(true);
    ingest.own.accept(honest(startMilliseconds, [one(1)]));
    expect(seen).toEqual([{ a: 1 }]);
    expect(await refused()).toEqual(['warpwatch_ingest_frames_refused_total{reason="taken"} 3']);
  });

  it("lets nobody send under the name of what it scrapes, until that has been silent", async () => {
    const { clock, ingest, seen } = createDoor();
    const scraped = createFrameMaker();
    const sent = createFrameMaker();
    const push = (): string => ingest.receive(sent(clock.now(), [one(6)]), { replay: false });
    ingest.accept(scraped(clock.now(), [one(1)]));
    await clock.advance(60_000);
    expect(push(), "every five minutes, for all that is known").toBe("taken");
    ingest.accept(scraped(clock.now(), [one(2)]));
    await clock.advance(179_000);
    expect(push()).toBe("taken");
    await clock.advance(2000);
    expect(push(), "three of its minutes were missed").toBe("accepted");
    expect(seen).toEqual([{ a: 1 }, { a: 2 }, { a: 6 }]);
  });

  it("believes what it fetches over what was sent under the name before, whatever time that bore", () => {
    const { clock, ingest, seen } = createDoor();
    const sent = createFrameMaker();
    const frame = sent(clock.now() + 59_000, [one(6)]);
    expect(ingest.receive(frame, { replay: false })).toBe("accepted");
    ingest.accept(createFrameMaker()(clock.now(), [one(1)]));
    expect(seen).toEqual([{ a: 6 }, { a: 1 }]);
    expect(ingest.receive(sent(clock.now() + 60_000, [one(6)]), { replay: false })).toBe("taken");
  });
});
