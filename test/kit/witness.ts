/**
 * Three nodes that push to a collector and remember what it acknowledged: numbers that follow from their sequence, events, and
 * an alarm each that goes up and down. What isn't acknowledged is sent again, as an agent would.
 */
import { setTimeout as delay } from "node:timers/promises";
import { openMetric } from "../../core/catalog/metric.ts";
import { encodeEvents } from "../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";
import { createFrameEncoder } from "../../core/wire/frame-codec.ts";
import type { Frame, Schema } from "../../core/wire/frame.ts";
import { eventsPath, framesPath, pushHeaders, type PushLane } from "../../core/wire/push.ts";
import type { Incident } from "./receivers.ts";
import type { Random } from "./random.ts";

export interface Witness {
  readonly nodes: readonly WitnessNode[];
  readonly acknowledged: number;
  /** Frames in requests that weren't answered with 200, as often as they were sent, by status. */
  readonly refusals: Readonly<Record<number, number>>;
  /** Sends until the returned function is called; what was on its way then counts as unacknowledged. */
  connect(address: string, token: string): () => Promise<void>;
  /** From now on alarms go down and none goes up. */
  calm(): void;
}

export interface WitnessNode {
  readonly name: string;
  /** By sequence. */
  readonly frames: readonly SentFrame[];
  readonly events: readonly SentEvent[];
  /** Times that the alarm went up. */
  readonly cycles: readonly AlarmCycle[];
}

export interface SentFrame {
  /** Unix milliseconds, whole. */
  readonly time: number;
  readonly alarm: number;
  acknowledged: boolean;
}

interface SentEvent {
  readonly event: WarpwatchEvent;
  acknowledged: boolean;
}

export interface AlarmCycle {
  /** Time of the first frame that had it. */
  readonly firstSent: number;
  /** And of the first one that was acknowledged, live; 0 until there is one. */
  firstAcknowledged: number;
}

export interface WitnessOptions {
  readonly random: Random;
  /** The collector's wall clock. */
  readonly now: () => number;
  /** Incidents of the alarms: an alarm goes down only when somebody was told of it. */
  readonly incidents: () => readonly Incident[];
  /** New frames are sent even while older ones are refused, as an agent's are. */
  readonly goOn?: boolean;
  /** Called as soon as something was acknowledged, with what it was. */
  readonly onAcknowledged?: (what: Acknowledgement) => void;
}

export interface Acknowledgement {
  readonly node: number;
  readonly kind: "frame" | "event";
  readonly sequence: number;
  readonly live: boolean;
}

type Node = Omit<WitnessNode, "frames" | "events" | "cycles"> & {
  readonly schema: Schema;
  readonly frames: SentFrame[];
  readonly events: SentEvent[];
  readonly cycles: AlarmCycle[];
  level: number;
};

export const witnessGpus = [0, 1, 2, 3];
export const alarmRule = "WitnessAlarm";
export const alarmMetric = "witness_alarm";
export const levelMetric = "witness_level";
const witnessBoot = "witness-boot";
const nodeCount = 3;
const pauseMilliseconds = 30;
const framesAgain = 32;
const timeoutMilliseconds = 5000;
const level = openMetric(levelMetric, "gauge", "What the test stores.", ["gpu"]);
const alarm = openMetric(alarmMetric, "gauge", "What the test alerts on.", []);

export function witnessValue(sequence: number, gpu: number): number {
  return sequence * 4 + gpu;
}

/** Whose incident it is; the rule's summary is made for that. */
export function alarmSummary(node: string): string {
  return `alarm on ${node}`;
}

export function createWitness(options: WitnessOptions): Witness {
  const nodes = Array.from({ length: nodeCount }, (_, index) => createNode(`node-${index}`));
  const refusals: Record<number, number> = {};
  let isCalm = false;
  let acknowledged = 0;

  function moveAlarm(node: Node, time: number): void {
    const told = options.incidents().filter(({ summary }) => summary === alarmSummary(node.name));
    const isOpen = told.some((incident) => incident.resolvedAtMilliseconds === 0);
    const cycle = node.cycles.at(-1);
    if (node.level === 1) {
      const isTold = told.length >= node.cycles.length && (cycle?.firstAcknowledged ?? 0) > 0;
      if (isTold && (isCalm || options.random.below(8) === 0)) node.level = 0;
    } else if (!isCalm && !isOpen && told.length === node.cycles.length) {
      if (options.random.below(6) !== 0) return;
      node.level = 1;
      node.cycles.push({ firstSent: time, firstAcknowledged: 0 });
    }
  }

  function makeFrames(node: Node): number[] {
    const count = 1 + options.random.below(4);
    return Array.from({ length: count }, () => {
      const before = node.frames.at(-1)?.time ?? 0;
      const time = Math.max(before + 1, Math.round(options.now()));
      moveAlarm(node, time);
      return node.frames.push({ time, alarm: node.level, acknowledged: false }) - 1;
    });
  }

  function settle(index: number, sequences: readonly number[], live: boolean): void {
    const node = nodes[index];
    for (const sequence of sequences) {
      const frame = node?.frames[sequence];
      if (!node || !frame) continue;
      frame.acknowledged = true;
      acknowledged += 1;
      const cycle = node.cycles.findLast(({ firstSent }) => firstSent <= frame.time);
      const begins = live && frame.alarm === 1 && cycle?.firstAcknowledged === 0;
      if (cycle && begins) cycle.firstAcknowledged = frame.time;
      options.onAcknowledged?.({ node: index, kind: "frame", sequence, live });
    }
  }

  /** The answer's status. */
  async function post(link: Link, node: Node, path: string, body: Buffer, lane: PushLane) {
    const response = await fetch(`${link.address}${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${link.token}`,
        [pushHeaders.agent]: encodeURIComponent(node.schema.origin.instance),
        [pushHeaders.boot]: witnessBoot,
        [pushHeaders.lane]: lane,
      },
      body: new Uint8Array(body),
      signal: AbortSignal.any([link.stop.signal, AbortSignal.timeout(timeoutMilliseconds)]),
    });
    await response.arrayBuffer();
    return response.status;
  }

  async function sendFrames(link: Link, index: number, sequences: number[], lane: PushLane) {
    const node = nodes[index];
    if (!node || sequences.length === 0) return true;
    const encoder = createFrameEncoder();
    const body = Buffer.concat(
      sequences.map((one) => Buffer.from(encoder.encode(frameOf(node, one)))),
    );
    const status = await post(link, node, framesPath, body, lane);
    if (status === 200) settle(index, sequences, lane === "live");
    else refusals[status] = (refusals[status] ?? 0) + sequences.length;
    return status === 200;
  }

  async function sendEvents(link: Link, index: number, node: Node): Promise<void> {
    if (options.random.below(3) === 0)
      node.events.push({ event: eventOf(node, options.now()), acknowledged: false });
    const waiting = node.events.filter((sent) => !sent.acknowledged);
    if (waiting.length === 0) return;
    const body = Buffer.from(encodeEvents(waiting.map(({ event }) => event)));
    if ((await post(link, node, eventsPath, body, "live")) !== 200) return;
    for (const sent of waiting) {
      sent.acknowledged = true;
      const { sequence } = sent.event;
      options.onAcknowledged?.({ node: index, kind: "event", sequence, live: true });
    }
  }

  /** Ends when the collector is gone. */
  async function run(link: Link, index: number): Promise<void> {
    const node = nodes[index];
    if (!node) return;
    while (!link.stop.signal.aborted) {
      const again = node.frames.flatMap((frame, sequence) =>
        frame.acknowledged ? [] : [sequence],
      );
      const isKept = await sendFrames(link, index, again.slice(0, framesAgain), "replay");
      if (isKept || options.goOn === true) await sendFrames(link, index, makeFrames(node), "live");
      await sendEvents(link, index, node);
      await delay(pauseMilliseconds);
    }
  }

  return {
    nodes,
    refusals,
    get acknowledged() {
      return acknowledged;
    },
    calm: () => void (isCalm = true),
    connect(address, token) {
      const link = { address, token, stop: new AbortController() };
      const running = nodes.map((_, index) => run(link, index).catch(() => undefined));
      return async () => {
        link.stop.abort();
        await Promise.all(running);
      };
    },
  };
}

interface Link {
  readonly address: string;
  readonly token: string;
  readonly stop: AbortController;
}

function createNode(name: string): Node {
  const schema: Schema = {
    origin: { node: name, job: "witness", instance: `${name}:1`, boot: witnessBoot },
    version: 1,
    groups: [{ source: "witness", first: 0, length: witnessGpus.length + 1 }],
    series: [
      ...witnessGpus.map((gpu) => ({ metric: level, values: [String(gpu)], device: null })),
      { metric: alarm, values: [], device: null },
    ],
  };
  return { name, schema, frames: [], events: [], cycles: [], level: 0 };
}

function frameOf({ schema, frames }: Node, sequence: number): Frame {
  const { time, alarm: up } = frames[sequence] ?? { time: 0, alarm: 0 };
  return {
    schema,
    sequence: sequence + 1,
    timestamps: Float64Array.of(time),
    values: Float64Array.from([...witnessGpus.map((gpu) => witnessValue(sequence, gpu)), up]),
    present: Uint8Array.of((1 << schema.series.length) - 1),
    complete: true,
  };
}

function eventOf({ name, events }: Node, now: number): WarpwatchEvent {
  const sequence = events.length + 1;
  return {
    node: name,
    boot: witnessBoot,
    sequence,
    timeMilliseconds: Math.round(now),
    kind: "xid",
    device: "",
    text: `event ${sequence} of ${name}`,
    fields: { sequence: String(sequence) },
  };
}
