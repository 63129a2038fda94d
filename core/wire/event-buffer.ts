/** The event buffer: numbers the events of a boot and keeps the latest, so that a receiver that lost some can ask again. */
import { defaultEventLimits, trimReport, type EventLimits } from "./event-codec.ts";
import type { EventSink, WarpwatchEvent } from "./event.ts";

export interface EventBufferOptions {
  readonly node: string;
  readonly boot: string;
  /** How many events are kept. */
  readonly capacity: number;
  readonly limits?: EventLimits;
}

export interface EventBuffer extends EventSink {
  /** Of the latest event; 0 before the first. */
  readonly sequence: number;
  /** Events that were pushed out by later ones before anyone acknowledged them. */
  readonly dropped: number;
  /** Texts and fields that were cut to the limits. */
  readonly truncated: number;
  /** Kept events with a higher sequence, oldest first. A hole after `sequence` means that those were dropped. */
  after(sequence: number, maximum?: number): WarpwatchEvent[];
  /** Forgets the events up to this one: a receiver has them. */
  acknowledge(sequence: number): void;
}

export function createEventBuffer(options: EventBufferOptions): EventBuffer {
  const { node, boot, capacity, limits = defaultEventLimits } = options;
  /** A ring: the event with sequence n is at n % capacity. */
  const ring: (WarpwatchEvent | undefined)[] = Array.from({ length: capacity });
  let sequence = 0;
  let oldest = 1;
  let dropped = 0;
  let truncated = 0;
  return {
    get sequence() {
      return sequence;
    },
    get dropped() {
      return dropped;
    },
    get truncated() {
      return truncated;
    },
    report(event) {
      const trimmed = trimReport(event, limits);
      truncated += trimmed.truncated;
      sequence += 1;
      if (sequence - oldest >= capacity) {
        oldest += 1;
        dropped += 1;
      }
      ring[sequence % capacity] = { node, boot, sequence, ...trimmed.report };
    },
    after(last, maximum = capacity) {
      const events: WarpwatchEvent[] = [];
      for (let next = Math.max(last + 1, oldest); next <= sequence; next += 1) {
        const event = ring[next % capacity];
        if (events.length >= maximum) break;
        if (event) events.push(event);
      }
      return events;
    },
    acknowledge(last) {
      for (; oldest <= Math.min(last, sequence); oldest += 1) ring[oldest % capacity] = undefined;
    },
  };
}
