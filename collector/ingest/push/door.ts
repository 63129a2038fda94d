/**
 * Frames and events that agents push: checked and paid for before they are read, through the one door, and answered with
 * 200 only once they are on disk. core/wire/push.ts has the protocol.
 */
import { collector } from "../../../core/catalog/index.ts";
import { sleep, type Clock } from "../../../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { decodeEvents } from "../../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../../core/wire/event.ts";
import type { Frame } from "../../../core/wire/frame.ts";
import { pushHeaders, pushLimits, type PushAnswer } from "../../../core/wire/push.ts";
import type { Ingest } from "../door.ts";
import { createBudget, type BudgetLimits } from "./budget.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { unpack } from "./unpack.ts";

export interface PushHead {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface PushRequest extends PushHead {
  readonly body: Buffer;
}

export interface PushReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What is sent; each has a budget of its own, so that frames never hold up an event. */
export type PushKind = "frames" | "events";

export interface PushDoor {
  /** Before the body is read: null when it may come, and then `ended` must follow. */
  refuse(kind: PushKind, head: PushHead): Promise<PushReply | null>;
  /** The request was answered, or the connection ended before. */
  ended(kind: PushKind, head: PushHead): void;
  frames(request: PushRequest): Promise<PushReply>;
  events(request: PushRequest): Promise<PushReply>;
}

export interface PushDoorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly ingest: Pick<Ingest, "receive">;
  readonly origins: number;
  readonly seriesPerOrigin: number;
  /** Of the frame that the door took last: when it is on disk. Where no history is kept, at once. */
  readonly stored: () => Promise<void>;
  /** Keeps what is new; throws when it can't. */
  readonly keepEvents: (events: readonly WarpwatchEvent[]) => void;
  readonly budget?: BudgetLimits;
}

const outcomes = [
  "ok",
  "again",
  "malformed",
  "too_large",
  "over_budget",
  "busy",
  "failed",
] as const;
type Outcome = (typeof outcomes)[number];

/** Bodies that were read and aren't settled yet, of all senders. */
const maximumPendingBytes = 64 * 1024 * 1024;
/** How long one that is over its budget is held: long enough to slow it, short enough not to tie up its connection. */
const holdMilliseconds = 1000;
/** Sessions' memory is some 30 bytes a series beside the schema. */
const maximumSeries = 20_000_000;
/** How long one request may keep the others waiting. */
const stretchMilliseconds = 3;
/** A frame or two. */
const smallBytes = 16 * 1024;

export function createPushDoor(options: PushDoorOptions): PushDoor {
  const { clock, log } = options;
  const budget = createBudget(clock, options.budget);
  const sessions = createSessions({
    sessions: 2 * options.origins,
    series: maximumSeries,
    // The door refuses what is over the bound series by series, and counts it.
    seriesPerSchema: Math.min(100_000, 4 * options.seriesPerOrigin),
  });
  const requests = options.metrics.counter(collector.pushRequests);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of outcomes) requests.increase({ outcome }, 0);
  options.metrics.gauge(collector.pushSessions, () => sessions.size);
  let pendingBytes = 0;

  function reply(outcome: Outcome, status: number, sentence: string, wait = 0): PushReply {
    requests.increase({ outcome });
    const retry = { "retry-after": String(Math.max(1, Math.ceil(wait / 1000))) };
    const headers = status === 429 || status === 503 ? retry : {};
    return { status, headers, body: { error: sentence } };
  }

  /** Answers a thrown error: nothing of the request is settled. */
  function failure(thrown: unknown, sender: string): PushReply {
    if (!(thrown instanceof WarpwatchError))
      return reply("failed", 503, `nothing could be kept: ${describeError(thrown)}`);
    if (thrown.code === "LIMIT_REACHED") return reply("too_large", 413, thrown.message);
    if (thrown.code !== "FRAME_MALFORMED")
      return reply("failed", 503, `nothing could be kept: ${describeError(thrown)}`);
    log.warn(`what ${sender} sent can't be read: ${thrown.message}`, { source: sender });
    return reply("malformed", 400, thrown.message);
  }

  async function settle(
    request: PushRequest,
    work: (body: Buffer) => Promise<PushReply>,
  ): Promise<PushReply> {
    try {
      const coding = headerOf(request, "content-encoding").toLowerCase();
      const body = unpack(request.body, coding, pushLimits.unpackedBytes);
      return body === null
        ? reply("malformed", 415, "pack it by zstd or deflate")
        : await work(body);
    } catch (thrown) {
      return failure(thrown, headerOf(request, pushHeaders.agent));
    }
  }

  async function takeEvents(body: Buffer): Promise<PushReply> {
    const { events, problems } = decodeEvents(body.toString("utf8"), pushLimits.eventsPerRequest);
    if (problems.length > 0) log.warn(`an event can't be read: ${problems[0]?.sentence ?? ""}`);
    options.keepEvents(events);
    requests.increase({ outcome: "ok" });
    return done({ acknowledged: events.at(-1)?.sequence ?? 0, refused: problems.length });
  }

  return {
    async refuse(kind, head) {
      const problem = headProblem(head);
      if (problem) return reply(problem.outcome, problem.status, problem.sentence);
      const length = Number(headerOf(head, "content-length"));
      if (pendingBytes + length > maximumPendingBytes)
        return reply("busy", 429, "the collector has more at hand than it can keep at the moment");
      const account = accountOf(kind, head);
      const entered = budget.enter(account);
      if (entered === "no") return reply("over_budget", 429, tooMany, holdMilliseconds);
      const wait = entered === "hold" ? holdMilliseconds : budget.ask(account, length);
      if (wait === 0) {
        pendingBytes += length;
        return null;
      }
      await sleep(clock, Math.min(wait, holdMilliseconds));
      budget.leave(account);
      return reply("over_budget", 429, tooMany, wait);
    },
    ended(kind, head) {
      pendingBytes -= Number(headerOf(head, "content-length"));
      budget.leave(accountOf(kind, head));
    },
    frames: (request) =>
      settle(request, (body) => takeFrames({ options, budget, sessions, request, body, reply })),
    events: (request) => settle(request, takeEvents),
  };
}

interface HeadProblem {
  readonly outcome: Outcome;
  readonly status: number;
  readonly sentence: string;
}

function headProblem(head: PushHead): HeadProblem | null {
  const agent = headerOf(head, pushHeaders.agent);
  const boot = headerOf(head, pushHeaders.boot);
  if (!/^[\w.~!*'()%-]{1,512}$/.test(agent) || !/^[\w-]{1,128}$/.test(boot)) {
    const sentence = "the request doesn't say which agent sends it";
    return { outcome: "malformed", status: 400, sentence };
  }
  const length = headerOf(head, "content-length");
  if (!/^\d{1,15}$/.test(length))
    return { outcome: "malformed", status: 411, sentence: "the request must say how long it is" };
  if (Number(length) <= pushLimits.bodyBytes) return null;
  const sentence = `a request may have ${pushLimits.bodyBytes} bytes, not ${length}`;
  return { outcome: "too_large", status: 413, sentence };
}

function accountOf(kind: PushKind, head: PushHead): string {
  return `${kind} ${headerOf(head, pushHeaders.agent)}`;
}

const tooMany = "this agent sends more than it may; the rest waits";

interface Taking {
  readonly options: PushDoorOptions;
  readonly budget: ReturnType<typeof createBudget>;
  readonly sessions: Sessions;
  readonly request: PushRequest;
  readonly body: Buffer;
  readonly reply: (outcome: Outcome, status: number, sentence: string) => PushReply;
}

async function takeFrames(taking: Taking): Promise<PushReply> {
  const { sessions, request, body, reply } = taking;
  const sender = headerOf(request, pushHeaders.agent);
  const replay = headerOf(request, pushHeaders.lane) === "replay";
  const session = [sender, headerOf(request, pushHeaders.boot), replay ? "replay" : "live"].join(
    " ",
  );
  if (!sessions.has(session) && !beginsWithSchema(body))
    return reply("again", 409, "send the schema again");
  if (!sessions.claim(session))
    return reply("over_budget", 429, "another request of this session is being read");
  const read = await readFrames(taking, session, replay).finally(() => sessions.release(session));
  await Promise.all(read.waiting);
  reply("ok", 200, "");
  return done({ acknowledged: read.acknowledged, refused: read.refused });
}

/** Message by message, and no longer at a stretch than others can wait. */
async function readFrames(taking: Taking, session: string, replay: boolean) {
  const { options, budget, sessions, request, body } = taking;
  const { clock, ingest } = options;
  const sender = headerOf(request, pushHeaders.agent);
  const waiting = new Set<Promise<void>>();
  let [frames, refused, acknowledged, work, at] = [0, 0, 0, 0, 0];
  const meter = createMeter(clock, body.length);

  function take(frame: Frame): void {
    frames += 1;
    if (frames > pushLimits.framesPerRequest)
      throw new WarpwatchError(
        "LIMIT_REACHED",
        `a request may hold ${pushLimits.framesPerRequest} frames`,
      );
    refuseForeign(frame, sender);
    const reception = ingest.receive(frame, { replay });
    if (reception === "accepted" || reception === "late" || reception === "duplicate")
      waiting.add(options.stored());
    else refused += 1;
    acknowledged = frame.sequence;
  }

  try {
    while (at < body.length) {
      at = sessions.read(session, body, at, take);
      if (at >= body.length || meter.stretch() < stretchMilliseconds) continue;
      work += meter.lap();
      await new Promise((resolve) => setImmediate(resolve));
      meter.lap();
    }
  } finally {
    work += meter.lap();
    budget.charge(accountOf("frames", request), work);
  }
  return { acknowledged, refused, waiting };
}

/** What a request costs. A collector that waits for a processor doesn't charge its senders for that, as good as it can tell. */
function createMeter(clock: Clock, bodyBytes: number) {
  // To ask the kernel costs a tenth of a small request; to be charged now and then for a wait costs its sender little.
  const isSmall = bodyBytes <= smallBytes;
  let began = clock.monotonic();
  let worked = isSmall ? 0 : processorMilliseconds();
  return {
    /** Milliseconds since the last lap. */
    stretch: () => clock.monotonic() - began,
    /** Milliseconds of the processor since the last lap. */
    lap(): number {
      const passed = clock.monotonic() - began;
      began += passed;
      if (isSmall) return passed;
      const before = worked;
      worked = processorMilliseconds();
      return worked - before;
    },
  };
}

/** Of this thread. */
function processorMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function done(answer: PushAnswer): PushReply {
  return { status: 200, body: answer };
}

/** The kind stands in the fourth byte of a message, and 1 is a schema. */
function beginsWithSchema(body: Buffer): boolean {
  return body[3] === 1;
}

/** Who pays is who sends: frames in another's name would be charged to the one whose name stands in the header. */
function refuseForeign(frame: Frame, sender: string): void {
  const { instance } = frame.schema.origin;
  if (encodeURIComponent(instance) !== sender)
    throw new WarpwatchError("FRAME_MALFORMED", "the frame is of another agent than the request");
}

function headerOf({ headers }: PushHead, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}
