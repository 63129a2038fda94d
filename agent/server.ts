/** The agent's HTTP server: metrics, health and a landing page behind the route table; bounded in every direction. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { self } from "../core/catalog/index.ts";
import { createAccess, type RouteRule } from "../core/kit/access.ts";
import type { Clock } from "../core/kit/clock.ts";
import { describeError, systemCode, WarpwatchError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";
import type { SelfMetrics } from "../core/kit/self-metrics.ts";
import type { AgentConfig } from "./config.ts";
import { renderLandingPage } from "./landing-page.ts";
import type { Holders } from "./attribution/holders.ts";
import { createJoin } from "./attribution/join.ts";
import { createMetricsPage } from "./metrics-page.ts";
import type { Sampler } from "./sampler.ts";

export interface AgentServer {
  /** `http://127.0.0.1:9410`, with the port that was really given. */
  readonly address: string;
  close(): Promise<void>;
}

export interface AgentServerOptions {
  readonly config: Pick<AgentConfig, "listen" | "telemetryPath" | "hostNames">;
  readonly node: string;
  readonly token: string;
  /** Their labels go onto the GPUs' series on the page. */
  readonly holders: Holders;
  readonly sampler: Sampler;
  readonly metrics: SelfMetrics;
  /** Milliseconds after which the frame no longer counts as fresh. */
  readonly freshMilliseconds: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** An import statement would evaluate all that node:http exports, its WebSocket client included: 13 MB. */
const { createServer } = process.getBuiltinModule("node:http");

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

type Handler = (request: IncomingMessage) => Answer | Promise<Answer>;

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
const plainText = { "Content-Type": "text/plain; charset=utf-8" } as const;

/** Listens, or throws LISTEN_FAILED. */
export async function startServer(options: AgentServerOptions): Promise<AgentServer> {
  const { config, metrics, log } = options;
  const handlers = createHandlers(options);
  const decide = createAccess({
    routes: [...handlers.keys()].map(openRoute),
    hosts: [...config.hostNames, options.node],
    tokens: { admin: options.token },
    clock: options.clock,
  });
  const meter = createMeter(metrics, options.clock);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = meter(request, response);
    const { headers, socket, url = "", method = "" } = request;
    const decision = decide({
      method,
      url,
      host: headers.host,
      origin: headers.origin,
      authorization: headers.authorization,
      remoteAddress: socket.remoteAddress,
      localAddress: socket.localAddress,
    });
    record(decision.allowed ? decision.rule.path : "refused");
    if (hasBody(request))
      return send(response, { status: 413, body: "this server takes no request bodies\n" }, true);
    if (!decision.allowed) return send(response, refusal(decision.status, decision.sentence));
    const handler = handlers.get(decision.rule.path);
    if (handler) send(response, await handler(request));
  }

  const server = createServer(limits, (request, response) => {
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
  const dropped = metrics.counter(self.httpDroppedConnections);
  server.on("drop", () => dropped.increase({}));
  await listen(server, config.listen);
  return { address: addressOf(server), close: () => close(server) };
}

function createHandlers(options: AgentServerOptions): Map<string, Handler> {
  const { config, sampler, node } = options;
  const page = createMetricsPage(sampler, options.metrics, createJoin(options.holders));
  return new Map<string, Handler>([
    [
      "/",
      () => ({
        status: 200,
        body: renderLandingPage(node, config.telemetryPath, sampler.status()),
        headers: {
          "Content-Type": "text/html; charset=utf-8",
          "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        },
      }),
    ],
    [
      config.telemetryPath,
      async ({ headers }) => {
        if (sampler.ageMilliseconds() === Infinity)
          return { status: 503, body: "Warpwatch's agent is starting\n" };
        const rendered = await page.render(headers.accept, joined(headers["accept-encoding"]));
        return {
          status: 200,
          body: rendered.body,
          headers: {
            "Content-Type": rendered.contentType,
            Vary: "Accept, Accept-Encoding",
            "Warpwatch-Sample-Age-Seconds": rendered.ageSeconds.toFixed(3),
            ...(rendered.coding === "gzip" ? { "Content-Encoding": "gzip" } : {}),
          },
        };
      },
    ],
    ["/-/healthy", () => ({ status: 200, body: "Warpwatch's agent is healthy\n" })],
    [
      "/-/ready",
      () =>
        sampler.ageMilliseconds() <= options.freshMilliseconds
          ? { status: 200, body: "Warpwatch's agent is ready\n" }
          : { status: 503, body: "Warpwatch's agent has no fresh samples\n" },
    ],
  ]);
}

/** All the agent serves is metrics and health: open to this machine, behind the token for others. */
function openRoute(path: string): RouteRule {
  return { method: "GET", path, role: "viewer", openOnLoopback: true };
}

function refusal(status: number, sentence: string): Answer {
  const headers: Record<string, string> =
    status === 401 ? { "WWW-Authenticate": 'Bearer realm="warpwatch"' } : {};
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

function joined(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}

/** Counts every answer and times it; what a caller spells out himself never becomes a label. */
function createMeter(
  metrics: SelfMetrics,
  clock: Clock,
): (request: IncomingMessage, response: ServerResponse) => (route: string) => void {
  const requests = metrics.counter(self.httpRequests);
  const durations = metrics.histogram(self.httpRequestDuration);
  return (request, response) => {
    const began = clock.monotonic();
    let route = "refused";
    const method = request.method === "GET" || request.method === "HEAD" ? request.method : "other";
    response.once("finish", () => {
      requests.increase({ route, method, code: String(response.statusCode) });
      durations.observe({ route }, (clock.monotonic() - began) / 1000);
    });
    return (known) => {
      route = known;
    };
  };
}

function listen(server: Server, address: AgentConfig["listen"]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const place = `${address.host}:${address.port}`;
      const reason =
        systemCode(cause) === "EADDRINUSE" ? "the port is taken" : describeError(cause);
      const sentence = `can't listen on ${place}: ${reason}; --web.listen-address sets another`;
      reject(new WarpwatchError("LISTEN_FAILED", sentence, { cause }));
    });
    server.listen(address.port, address.host, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
