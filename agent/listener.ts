/** An HTTP server of the agent: routes behind the access table, bounded in every direction, every answer counted. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { self } from "../core/catalog/index.ts";
import { createAccess, type RouteRule } from "../core/kit/access.ts";
import { createAttemptLimit } from "../core/kit/attempt-limit.ts";
import type { BasicAuth, SignIn } from "../core/kit/basic-auth.ts";
import type { Clock } from "../core/kit/clock.ts";
import { describeError, systemCode, WarpwatchError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";
import type { SelfMetrics } from "../core/kit/self-metrics.ts";
import type { ServedWeb } from "../core/kit/served-web.ts";

export interface Listener {
  /** `http://127.0.0.1:9410`, with the port that was really given. */
  readonly address: string;
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** The flag that sets the address, for the sentence that says it can't be had. */
  readonly flag: string;
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Names by which the server may be called beside its own addresses. */
  readonly hosts: readonly string[];
  /** For calls from beyond loopback. */
  readonly token: string;
  /** Asked for: whoever reaches it may read it, without a token and by any name. */
  readonly isOpen?: boolean;
  /** TLS, and who may call by name and password; null: plain HTTP, and nobody is asked for a name. */
  readonly web: GuardedWeb | null;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Log;
}

export interface GuardedWeb {
  readonly served: ServedWeb;
  readonly basicAuth: BasicAuth;
}

/** An import statement would evaluate all that node:http exports, its WebSocket client included: 13 MB. */
const { createServer } = process.getBuiltinModule("node:http");

export interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (request: IncomingMessage) => Answer | Promise<Answer>;

const limits = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** Longer than the scrape intervals people use, so that connections live from one scrape to the next. */
  keepAliveTimeout: 75_000,
  /** How often Node looks for headers and requests that are over their time. */
  connectionsCheckingInterval: 2000,
} as const;
const maximumConnections = 512;
/** A client that takes nothing of its answer for this long is cut off. */
const idleMilliseconds = 30_000;
const busy: Answer = {
  status: 503,
  body: "too many wait for their password to be judged\n",
  headers: { "Retry-After": "1" },
};
const plainText = { "Content-Type": "text/plain; charset=utf-8" } as const;

/** Listens, or throws LISTEN_FAILED. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { handlers, meter, log, web } = options;
  const attempts = createAttemptLimit(options.clock);
  const decide = createAccess({
    routes: [...handlers.keys()].map(openRoute),
    hosts: options.hosts,
    tokens: { admin: options.token },
    attempts,
    openEverywhere: options.isOpen === true,
  });

  /** Null where nobody is asked. A password isn't judged for an address whose wrong ones have been too many. */
  function judgeCaller({ headers, socket }: IncomingMessage): SignIn | null | Promise<SignIn> {
    const users = web?.served.users();
    if (!web || !users || users.size === 0) return null;
    if (attempts.isBlocked(socket.remoteAddress ?? "")) return "wrong";
    return web.basicAuth.judge(headers.authorization, users);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = meter.measure(request, response);
    const { headers, socket, url = "", method = "" } = request;
    const { remoteAddress, localAddress } = socket;
    const signIn = await judgeCaller(request);
    const decision = decide({
      method,
      url,
      host: headers.host,
      origin: headers.origin,
      authorization: headers.authorization,
      remoteAddress,
      localAddress,
      signedIn: signIn === null ? null : signIn === "right",
    });
    if (signIn === "busy") return send(response, busy);
    record(decision.allowed ? decision.rule.path : "refused");
    if (hasBody(request))
      return send(response, { status: 413, body: "this server takes no request bodies\n" }, true);
    if (!decision.allowed)
      return send(response, refusal(decision.status, decision.sentence, signIn !== null));
    const handler = handlers.get(decision.rule.path);
    if (handler) send(response, await handler(request));
  }

  const server = createServerFor(web, (request, response) => {
    answer(request, response).catch((thrown: unknown) => {
      log.error("a request could not be answered", { reason: describeError(thrown) });
      if (!response.headersSent)
        send(response, { status: 500, body: "this request could not be answered\n" }, true);
    });
  });
  server.maxConnections = maximumConnections;
  server.timeout = idleMilliseconds;
  // A client that asks before it sends a body is told no at once.
  server.on("checkContinue", (_request, response: ServerResponse) =>
    send(response, { status: 413, body: "this server takes no request bodies\n" }, true),
  );
  server.on("drop", () => meter.drop());
  web?.served.follow(server);
  await listen(server, options.listen, options.flag);
  return { address: addressOf(server, Boolean(web?.served.tls)), close: () => close(server) };
}

/** TLS takes memory that an agent without it keeps. */
function createServerFor(web: GuardedWeb | null, answer: RequestListener): Server {
  if (!web?.served.tls) return createServer(limits, answer);
  const https = process.getBuiltinModule("node:https");
  return https.createServer({ ...limits, ...web.served.tls }, answer);
}

export interface Meter {
  /** Begins with a request; what it returns is told the route. */
  measure(request: IncomingMessage, response: ServerResponse): (route: string) => void;
  drop(): void;
}

/** Counts every answer and times it; what a caller spells out himself never becomes a label. */
export function createMeter(metrics: SelfMetrics, clock: Clock): Meter {
  const requests = metrics.counter(self.httpRequests);
  const durations = metrics.histogram(self.httpRequestDuration);
  const dropped = metrics.counter(self.httpDroppedConnections);
  return {
    drop: () => dropped.increase({}),
    measure(request, response) {
      const began = clock.monotonic();
      let route = "refused";
      const method =
        request.method === "GET" || request.method === "HEAD" ? request.method : "other";
      response.once("finish", () => {
        requests.increase({ route, method, code: String(response.statusCode) });
        durations.observe({ route }, (clock.monotonic() - began) / 1000);
      });
      return (known) => {
        route = known;
      };
    },
  };
}

/** All the agent serves is metrics and health: open to this machine, behind the token for others. */
function openRoute(path: string): RouteRule {
  return { method: "GET", path, role: "viewer", openOnLoopback: true };
}

function refusal(status: number, sentence: string, asksNames: boolean): Answer {
  const scheme = asksNames ? "Basic" : "Bearer";
  const headers: Record<string, string> =
    status === 401 ? { "WWW-Authenticate": `${scheme} realm="warpwatch"` } : {};
  if (status === 405) headers["Allow"] = "GET, HEAD";
  if (status === 429) headers["Retry-After"] = "60";
  return { status, body: `${sentence}\n`, headers };
}

function send(response: ServerResponse, answer: Answer, close = false): void {
  const body = typeof answer.body === "string" ? Buffer.from(answer.body) : answer.body;
  response.writeHead(answer.status, {
    ...plainText,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...answer.headers,
    "Content-Length": body.length,
    ...(close ? { Connection: "close" } : {}),
  });
  response.end(body);
}

function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

function listen(server: Server, address: ListenerOptions["listen"], flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const place = `${address.host}:${address.port}`;
      const reason =
        systemCode(cause) === "EADDRINUSE" ? "the port is taken" : describeError(cause);
      const sentence = `can't listen on ${place}: ${reason}; --${flag} sets another`;
      reject(new WarpwatchError("LISTEN_FAILED", sentence, { cause }));
    });
    server.listen(address.port, address.host, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function addressOf(server: Server, secure: boolean): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `${secure ? "https" : "http"}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
