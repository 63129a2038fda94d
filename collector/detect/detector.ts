/** The contract of a detector: it judges the newest samples of one origin and says what it found. */
import type { Frame } from "../../core/wire/frame.ts";
import type { OriginState } from "../origin.ts";

export interface Detector {
  readonly name: string;
  /** Called once per accepted frame, in the order of the samples' times; knows nothing of what comes after. */
  step(origin: OriginState): void;
  /** A frame from before the newest, after an outage: what was learned may take it in; nothing is found by it. */
  late?(frame: Frame): void;
  /** The origin missed its frames: nothing is known of what it measures. */
  silent(key: string): void;
  /** The origin is no longer held: what was kept for its series may go. */
  forget(key: string): void;
}

/**
 * A detector that learns. Its state is numbers in arrays, kept by series and of bounded size, and it must survive a
 * restart: what a threshold detector must remember are its alerts, which are durable by themselves.
 * Every one of them runs the conformance suite, test/suites/detector-suite.ts.
 */
export interface LearnedDetector extends Detector {
  /** The series of an origin that it watches, by key; the same order as its scores. */
  watched(key: string): readonly string[];
  /** Score of each watched series at its newest sample; NaN where that sample is absent or it can't be judged yet. */
  scores(key: string): Float64Array;
  /** The origins of which it has learned something, by key. */
  origins(): Iterable<string>;
  /** Series watched over all origins, and those that found no room. */
  readonly size: { readonly watched: number; readonly refused: number };
  /** Everything it has learned, with a version. */
  snapshot(): Uint8Array;
  /** False when the bytes are of another version or damaged; the detector is then as it was. */
  restore(bytes: Uint8Array): boolean;
}
