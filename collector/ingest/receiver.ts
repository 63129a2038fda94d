/** What a receiver of other people's samples, remote-write or OTLP, is given. */
import type { Clock } from "../../core/kit/clock.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Frame } from "../../core/wire/frame.ts";
import type { IngestLimits, PushedDoor } from "./door.ts";

export interface ReceiverOptions<Settings> {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly settings: Settings;
  readonly limits: IngestLimits;
  readonly door: PushedDoor;
  /** Of the origins' frames, and of no other's: by it history knows that it has them. */
  readonly boot: string;
  /** Resolves when the frame is on disk; null where nothing is to be kept. */
  readonly append: ((frame: Frame) => Promise<void>) | null;
  readonly late: (frame: Frame) => void;
  readonly historyMilliseconds: number;
}
