/** The contract of a detector: it judges the newest samples of one origin and says what it found. */
import type { OriginState } from "../origin.ts";

export interface Detector {
  readonly name: string;
  /** Called once per accepted frame, in the order of the samples' times; knows nothing of what comes after. */
  step(origin: OriginState): void;
  /** The origin missed its frames: nothing is known of what it measures. */
  silent(key: string): void;
  /** The origin is no longer held: what was kept for its series may go. */
  forget(key: string): void;
}
