/**
 * Receivers for tests: real HTTP servers on loopback that judge what they get, with faults on demand.
 * The PagerDuty one holds to the Events API v2; as a process: `node test/kit/receivers.ts --port 0` prints its address.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";

interface Received {
  /** Unix milliseconds at which the whole request was there. */
  readonly atMilliseconds: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What was answered: a status, or how the connection ended. */
  readonly answer: number | "reset" | "silence";
}

/** What happens to one request instead of the usual. */
export type Fault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Takes the event into account and never answers: the sender can't know. */
  | { readonly kind: "accept_then_silence" }
  /** Cuts the connection before it looks at the event. */
  | { readonly kind: "reset" }
  | { readonly kind: "slow"; readonly milliseconds: number };

export interface Receiver {
  readonly url: string;
  readonly requests: readonly Received[];
  /** Requests that are there and not answered. */
  connectionsBusy(): number;
  /** The next requests meet these faults, one each. */
  plan(...faults: Fault[]): void;
  /** Resolves when the condition holds; it is asked after every request. Rejects after the time. */
  until(condition: () => boolean, timeoutMilliseconds?: number): Promise<void>;
  close(): Promise<void>;
}

/** What one kind of receiver makes of a body: the status and the JSON it answers. */
export type Judge = (
  body: string,
  atMilliseconds: number,
  request: { readonly path: string; readonly headers: IncomingHttpHeaders },
) => { status: number; answer: unknown };

export interface Incident {
  readonly dedupKey: string;
  readonly openedAtMilliseconds: number;
  /** What the event that opened it says of when its condition began; 0 when it doesn't. */
  readonly timestampMilliseconds: number;
  readonly class: string;
  readonly component: string;
  readonly severity: string;
  readonly summary: string;
  /** Events that told of it, the first and the resolve included. */
  events: number;
  /** 0 while it is open. */
  resolvedAtMilliseconds: number;
}

export interface PagerDutyReceiver extends Receiver {
  /** Every incident that was ever opened, in order. */
  readonly incidents: readonly Incident[];
}

const eventSchema = z.object({
  routing_key: z.string().length(32),
  dedup_key: z.string().min(1).max(255),
  event_action: z.enum(["trigger", "acknowledge", "resolve"]),
  payload: z.object({
    summary: z.string().min(1).max(1024),
    source: z.string().min(1),
    severity: z.enum(["critical", "error", "warning", "info"]),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    component: z.string().optional(),
    group: z.string().optional(),
    class: z.string().optional(),
    custom_details: z.record(z.string(), z.unknown()).optional(),
  }),
  client: z.string().optional(),
  client_url: z.url().optional(),
  links: z.array(z.object({ href: z.url(), text: z.string().optional() })).optional(),
  images: z.array(z.object({ src: z.string() })).optional(),
});

const maximumEventBytes = 512_000;

/** PagerDuty as its contract describes it: an incident per deduplication key and life cycle. */
export async function startPagerDuty(port = 0): Promise<PagerDutyReceiver> {
  const incidents: Incident[] = [];
  const open = new Map<string, Incident>();
  const receiver = await start(port, "/v2/enqueue", (body, atMilliseconds) => {
    if (Buffer.byteLength(body) > maximumEventBytes)
      return { status: 413, answer: { status: "event too large" } };
    const parsed = eventSchema.safeParse(parseJson(body));
    if (!parsed.success)
      return {
        status: 400,
        answer: {
          status: "invalid event",
          message: "Event object is invalid",
          errors: parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`),
        },
      };
    const { dedup_key: dedupKey, event_action: action, payload } = parsed.data;
    const known = open.get(dedupKey);
    if (known) known.events += 1;
    if (action === "trigger" && !known) {
      const incident = {
        dedupKey,
        openedAtMilliseconds: atMilliseconds,
        timestampMilliseconds: payload.timestamp === undefined ? 0 : Date.parse(payload.timestamp),
        class: payload.class ?? "",
        component: payload.component ?? "",
        severity: payload.severity,
        summary: payload.summary,
        events: 1,
        resolvedAtMilliseconds: 0,
      };
      incidents.push(incident);
      open.set(dedupKey, incident);
    }
    if (action === "resolve" && known) {
      known.resolvedAtMilliseconds = atMilliseconds;
      open.delete(dedupKey);
    }
    return {
      status: 202,
      answer: { status: "success", message: "Event processed", dedup_key: dedupKey },
    };
  });
  return Object.assign(receiver, { incidents });
}

/** Takes any JSON and answers 200: a webhook, or an Alertmanager as far as its answers go. */
export async function startWebhook(path = "/hook", port = 0): Promise<Receiver> {
  return start(port, path, (body) =>
    parseJson(body) === undefined
      ? { status: 400, answer: { message: "not JSON" } }
      : { status: 200, answer: {} },
  );
}

/** Answers 404 to other paths; a path that ends in a slash is all that is below it. The receiver's `url` ends in `path`. */
export async function start(port: number, path: string, judge: Judge): Promise<Receiver> {
  const requests: Received[] = [];
  const faults: Fault[] = [];
  const watchers = new Set<() => void>();
  let busy = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = faults.shift();
    const { url = "", headers } = request;
    const body = await text(request);
    const atMilliseconds = performance.timeOrigin + performance.now();
    const note = (answer: Received["answer"]): void => {
      requests.push({ atMilliseconds, path: url, headers, body, answer });
      for (const watcher of watchers) watcher();
    };
    if (fault?.kind === "reset") {
      note("reset");
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === "status") {
      note(fault.status);
      response.writeHead(fault.status, { ...fault.headers }).end("{}");
      return;
    }
    const isBelow = path.endsWith("/") && url.startsWith(path);
    const known = request.method === "POST" && (url === path || isBelow);
    const { status, answer } = known
      ? judge(body, atMilliseconds, { path: url.slice(path.length), headers })
      : notFound;
    if (fault?.kind === "accept_then_silence") {
      note("silence");
      return;
    }
    if (fault?.kind === "slow")
      await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
    note(status);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }

  const server = createServer((request, response) => {
    busy += 1;
    response.once("close", () => (busy -= 1));
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}${path}`,
    requests,
    connectionsBusy: () => busy,
    plan: (...planned) => void faults.push(...planned),
    until: (condition, timeoutMilliseconds = 10_000) =>
      waitUntil(watchers, condition, timeoutMilliseconds),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const notFound = { status: 404, answer: { message: "no such path" } };

function waitUntil(
  watchers: Set<() => void>,
  condition: () => boolean,
  timeoutMilliseconds: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      watchers.delete(check);
      reject(new Error(`the condition didn't hold within ${timeoutMilliseconds} ms`));
    }, timeoutMilliseconds);
    function check(): void {
      if (!condition()) return;
      clearTimeout(timer);
      watchers.delete(check);
      resolve();
    }
    watchers.add(check);
    check();
  });
}

export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const flag = process.argv.indexOf("--port");
  const receiver = await startPagerDuty(flag < 0 ? 0 : Number(process.argv[flag + 1]));
  process.stdout.write(`${JSON.stringify({ url: receiver.url })}\n`);
  process.stdin.resume().on("end", () => process.exit(0));
  let told = 0;
  // Each request as a line, so that whoever started it can read the story.
  await receiver
    .until(() => {
      for (; told < receiver.requests.length; told += 1)
        process.stdout.write(`${JSON.stringify(receiver.requests[told])}\n`);
      return false;
    }, 24 * 3_600_000)
    .catch(() => receiver.close());
}
