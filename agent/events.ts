/** The agent's events: what a source reports gets its node, boot and number, a log line, and goes to every receiver in order. */
import { describeError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";
import { createEventBuffer } from "../core/wire/event-buffer.ts";
import type { EventSink, WarpwatchEvent } from "../core/wire/event.ts";

export interface EventReceiver {
  /** Takes the event, or throws: then it is offered again, and those behind it wait. */
  accept(event: WarpwatchEvent): void;
}

export interface AgentEvents extends EventSink {
  readonly reported: number;
  /** Events that were pushed out before every receiver had taken them. */
  readonly dropped: number;
  /** Offers the receivers what they haven't taken yet. */
  flush(): void;
}

export interface AgentEventsOptions {
  readonly node: string;
  readonly boot: string;
  readonly log: Log;
  readonly receivers: readonly EventReceiver[];
}

/** Events kept for a receiver that doesn't take them at the moment. */
const capacity = 1000;

export function createAgentEvents(options: AgentEventsOptions): AgentEvents {
  const { log, node, boot, receivers } = options;
  const buffer = createEventBuffer({ node, boot, capacity });
  /** Per receiver: the last event it took. */
  const taken = receivers.map(() => 0);

  function flush(): void {
    receivers.forEach((receiver, index) => {
      try {
        for (const event of buffer.after(taken[index] ?? 0)) {
          receiver.accept(event);
          taken[index] = event.sequence;
        }
      } catch (thrown) {
        log.warn("a receiver did not take an event; it is offered again", {
          reason: describeError(thrown),
        });
      }
    });
    buffer.acknowledge(Math.min(buffer.sequence, ...taken));
  }

  return {
    get reported() {
      return buffer.sequence;
    },
    get dropped() {
      return buffer.dropped;
    },
    flush,
    report(report) {
      buffer.report(report);
      for (const event of buffer.after(buffer.sequence - 1)) writeLine(log, event);
      flush();
    },
  };
}

function writeLine(log: Log, event: WarpwatchEvent): void {
  const { node, sequence, kind, device, text, fields, timeMilliseconds } = event;
  const happened = new Date(timeMilliseconds).toISOString();
  log[levelOf(fields["severity"])](text, {
    ...fields,
    event: kind,
    node,
    sequence,
    device,
    happened,
  });
}

function levelOf(severity: string | undefined): "error" | "warn" | "info" {
  if (severity === "critical") return "error";
  return severity === "warning" ? "warn" : "info";
}
