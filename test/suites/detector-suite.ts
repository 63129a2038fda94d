/** What every learned detector must do: judge causally, repeat itself, stay bounded, and keep its state with its series. */
import { describe, expect, it } from "vitest";
import type { LearnedDetector } from "../../collector/detect/detector.ts";
import type { Finding, FindingSink } from "../../collector/detect/learned/finding.ts";
import type { RowLimits } from "../../collector/detect/learned/anomaly-detector.ts";
import type { OriginState } from "../../collector/origin.ts";
import { createIngest, defaultIngestLimits } from "../../collector/ingest/door.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import {
  createFrameMaker,
  createTestMetrics,
  quietLog,
  startMilliseconds,
  testOrigin,
  type Sample,
} from "../kit/rule-bench.ts";

export interface DetectorSubject {
  create(findings: FindingSink, limits?: RowLimits): LearnedDetector;
  /** The samples of the given second, with something in it that the detector has to tell of by `seconds`. */
  scene(second: number): Sample[];
  readonly seconds: number;
  /** Series that the detector watches in the scene. */
  readonly watched: number;
  /** Its score is about the past and stands while nothing is measured. */
  readonly remembers?: boolean;
}

interface Run {
  readonly detector: LearnedDetector;
  readonly told: string[];
  send(second: number, samples: readonly Sample[]): void;
  /** The scores at this moment, by series. */
  scores(): Record<string, number>;
}

const key = `${testOrigin.job}/${testOrigin.instance}`;

function startRun(subject: DetectorSubject, limits?: RowLimits, from?: Uint8Array): Run {
  const told: string[] = [];
  const sink: FindingSink = {
    report: (finding: Finding) => void told.push(`${finding.subject} ${finding.text}`),
    close: (_, about) => void told.push(`closed ${about.subject}`),
  };
  const detector = subject.create(sink, limits);
  if (from && !detector.restore(from)) throw new Error("the snapshot was refused");
  const clock = createFakeClock(startMilliseconds);
  const metrics = createTestMetrics();
  const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
  ingest.listen({ frame: (state) => detector.step(state) });
  const make = createFrameMaker();
  return {
    detector,
    told,
    send(second, samples) {
      const time = startMilliseconds + second * 1000;
      clock.setWallClock(time);
      ingest.accept(make(time, samples));
    },
    scores: () => {
      const scores = detector.scores(key);
      return Object.fromEntries(detector.watched(key).map((name, row) => [name, scores[row] ?? 0]));
    },
  };
}

/** Plays the scene from one second to another; returns the scores of every step. */
function play(run: Run, subject: DetectorSubject, first: number, last: number) {
  const scores: Record<string, number>[] = [];
  for (let second = first; second < last; second += 1) {
    run.send(second, subject.scene(second));
    scores.push(run.scores());
  }
  return scores;
}

export function describeDetector(name: string, subject: DetectorSubject): void {
  const { seconds } = subject;

  describe(name, () => {
    it("watches what it says it does, scores it, and tells what is in the scene", () => {
      const run = startRun(subject);
      const scores = play(run, subject, 0, seconds);
      expect(run.detector.size).toEqual({ watched: subject.watched, refused: 0 });
      expect(Object.keys(scores.at(-1) ?? {})).toHaveLength(subject.watched);
      expect(run.told.length).toBeGreaterThan(0);
    });

    it("never looks ahead: a prefix's scores are those of the whole, bit for bit", () => {
      const whole = play(startRun(subject), subject, 0, seconds);
      const half = Math.floor(seconds / 2);
      expect(play(startRun(subject), subject, 0, half)).toEqual(whole.slice(0, half));
    });

    it("says the same twice", () => {
      const [one, other] = [startRun(subject), startRun(subject)];
      expect(play(one, subject, 0, seconds)).toEqual(play(other, subject, 0, seconds));
      expect(one.told).toEqual(other.told);
      expect(one.detector.snapshot()).toEqual(other.detector.snapshot());
    });

    it("goes on from a snapshot as if it had never stopped", () => {
      const straight = startRun(subject);
      const half = Math.floor(seconds / 2);
      play(straight, subject, 0, half);
      const resumed = startRun(subject, undefined, straight.detector.snapshot());
      expect(play(resumed, subject, half, seconds)).toEqual(play(straight, subject, half, seconds));
      expect(resumed.detector.snapshot()).toEqual(straight.detector.snapshot());
    });

    it("refuses a snapshot that is cut off, of another version or none at all, and stays as it was", () => {
      const run = startRun(subject);
      play(run, subject, 0, 20);
      const bytes = run.detector.snapshot();
      const newer = bytes.slice();
      newer[3] = 99;
      for (const broken of [bytes.slice(0, -1), bytes.slice(0, 5), newer, Uint8Array.of(1, 2, 3)])
        expect(run.detector.restore(broken)).toBe(false);
      expect(run.detector.snapshot()).toEqual(bytes);
    });

    it("follows its series when rows move, and knows them again when they come back", () => {
      const straight = startRun(subject);
      const moved = startRun(subject);
      const half = Math.floor(seconds / 2);
      play(straight, subject, 0, half);
      play(moved, subject, 0, half);
      const extra: Sample = { metric: "something_else", labels: { a: "b" }, value: 1 };
      moved.send(half, [extra]);
      for (let second = half + 1; second < seconds; second += 1) {
        straight.send(second, subject.scene(second));
        moved.send(second, [extra, ...subject.scene(second).toReversed()]);
        expect(moved.scores()).toEqual(straight.scores());
      }
    });

    it("neither scores nor trips over samples that are absent, and holds what it knows meanwhile", () => {
      const run = startRun(subject);
      play(run, subject, 0, 100);
      const before = run.told.length;
      for (let second = 100; second < 130; second += 1) {
        run.send(
          second,
          subject.scene(second).map((sample) => ({ ...sample, value: undefined })),
        );
        if (subject.remembers !== true)
          expect(Object.values(run.scores()).every(Number.isNaN)).toBe(true);
      }
      expect(run.told.slice(before).filter((line) => line.startsWith("closed"))).toEqual([]);
      play(run, subject, 130, 135);
    });

    it("takes no notice of a frame that it has had already", () => {
      const run = startRun(subject);
      const states: OriginState[] = [];
      const listener = { frame: (state: OriginState) => void states.push(state) };
      const clock = createFakeClock(startMilliseconds + 1_000_000);
      const metrics = createTestMetrics();
      const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
      ingest.listen(listener);
      const make = createFrameMaker();
      for (let second = 900; second < 990; second += 1) {
        const time = startMilliseconds + second * 1000;
        ingest.accept(make(time, subject.scene(second)));
        run.detector.step(states.at(-1) as OriginState);
      }
      const bytes = run.detector.snapshot();
      run.detector.step(states.at(-1) as OriginState);
      expect(run.detector.snapshot()).toEqual(bytes);
    });

    it("watches no more series than it may, counts the others, and makes room when series are gone", () => {
      const run = startRun(subject, { perOrigin: 1, overall: 1 });
      play(run, subject, 0, 5);
      expect(run.detector.size).toEqual({ watched: 1, refused: subject.watched - 1 });
      const size = run.detector.snapshot().length;
      play(run, subject, 5, 200);
      expect(Math.abs(run.detector.snapshot().length - size)).toBeLessThan(100);
    });

    it("keeps the same amount however long it runs, and nothing of an origin that is forgotten", () => {
      const run = startRun(subject);
      const empty = run.detector.snapshot().length;
      play(run, subject, 0, 50);
      const early = run.detector.snapshot().length;
      play(run, subject, 50, seconds);
      expect(Math.abs(run.detector.snapshot().length - early)).toBeLessThan(100);
      run.detector.forget(key);
      expect(run.detector.snapshot().length).toBeLessThan(empty + 100);
      expect(run.detector.size).toEqual({ watched: 0, refused: 0 });
    });
  });
}
