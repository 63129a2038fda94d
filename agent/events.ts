/** The agent's events: what a source reports gets its node, boot and number, a log line, and goes to every receiver. */
import type { Env } from "../core/kit/env.ts";
import { describeError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";
import type { EventSink, WarpwatchEvent } from "../core/wire/event.ts";

export interface EventReceiver {
  /** Keeps or passes on the event; throws when it could do neither. */
  accept(event: WarpwatchEvent): void;
}

export interface AgentEvents extends EventSink {
  readonly reported: number;
  /** Deliveries that a receiver refused. */
  readonly dropped: number;
}

export interface AgentEventsOptions {
  readonly env: Env;
  readonly node: string;
  readonly boot: string;
  readonly log: Log;
  readonly receivers: readonly EventReceiver[];
}

const longestText = 2000;

export function createAgentEvents(options: AgentEventsOptions): AgentEvents {
  const { log, receivers, node, boot } = options;
  let sequence = 0;
  let dropped = 0;
  return {
    get reported() {
      return sequence;
    },
    get dropped() {
      return dropped;
    },
    report(report) {
      sequence += 1;
      const { kind, device, fields, timeMilliseconds } = report;
      const text = report.text.slice(0, longestText);
      const event: WarpwatchEvent = {
        node,
        boot,
        sequence,
        timeMilliseconds,
        kind,
        device,
        text,
        fields,
      };
      log.info("event", {
        ...fields,
        node,
        sequence,
        kind,
        device,
        text,
        happened: new Date(timeMilliseconds).toISOString(),
      });
      for (const receiver of receivers) {
        try {
          receiver.accept(event);
        } catch (thrown) {
          dropped += 1;
          log.error("a receiver did not take an event", { reason: describeError(thrown) });
        }
      }
    },
  };
}
