/** The collector's HTTP server: fastify behind the route table; what the table doesn't name is refused before anything runs. */
import type { AddressInfo } from "node:net";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { self } from "../../core/catalog/index.ts";
import { createAccess } from "../../core/kit/access.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, systemCode, WarpwatchError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { openServedWeb } from "../../core/kit/served-web.ts";
import type { ApiAnswer, ApiHead, ApiRoute } from "./routes.ts";

export interface ApiServer {
  /** `http://127.0.0.1:9411`, with the port that was really given. */
  readonly address: string;
  close(): Promise<void>;
}

export interface ApiServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly hostNames: readonly string[];
  readonly token: string;
  /** With the role `push`; empty: only an admin brings measurements in. */
  readonly pushToken?: string;
  readonly routes: readonly ApiRoute[];
  /** The web configuration file, for TLS; empty: plain HTTP. */
  readonly webConfigFile?: string;
  /** Every node that sends keeps a connection or two open. */
  readonly maximumConnections?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

const limits = {
  bodyLimit: 64 * 1024,
  requestTimeout: 30_000,
  connectionTimeout: 60_000,
  keepAliveTimeout: 75_000,
  http: { maxHeaderSize: 16_384, headersTimeout: 10_000 },
} as const;
const defaultMaximumConnections = 512;
/** A closing server waits this long for answers that are under way. */
const closeMilliseconds = 2000;

/** Listens, or throws LISTEN_FAILED; for the web configuration ConfigError or TLS_UNUSABLE. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { listen, log } = options;
  const { webConfigFile = "", clock } = options;
  const web =
    webConfigFile === "" ? null : openServedWeb(webConfigFile, { clock, log, takesUsers: false });
  const shared = { ...limits, logger: false, forceCloseConnections: true } as const;
  const server = web?.tls
    ? (fastify({ ...shared, https: { ...limits.http, ...web.tls } }) as FastifyInstance)
    : fastify(shared);
  web?.follow(server.server);
  server.server.maxConnections = options.maximumConnections ?? defaultMaximumConnections;
  guard(server, options);
  for (const route of options.routes.filter(({ rawBody }) => !rawBody)) addRoute(server, route);
  // In a scope of their own, so that no parser of the others reads their bodies.
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
      done(null, body),
    );
    for (const route of options.routes.filter(({ rawBody }) => rawBody)) addRoute(scope, route);
  });
  server.setErrorHandler((thrown, _request, reply) => {
    const status = statusOf(thrown);
    if (status >= 500) log.error(`a request could not be answered: ${describeError(thrown)}`);
    const sentence = status >= 500 ? "this request could not be answered" : describeError(thrown);
    return send(reply, { status, body: { error: sentence } });
  });
  try {
    await server.listen({ host: listen.host, port: listen.port });
  } catch (cause) {
    await server.close();
    throw listenFailed(listen, cause);
  }
  const dropped = options.metrics.counter(self.httpDroppedConnections);
  server.server.on("drop", () => dropped.increase({}));
  return {
    address: addressOf(server, Boolean(web?.tls)),
    close: () => close(server, clock),
  };
}

function addRoute(server: FastifyInstance, { method, path, rawBody, handle }: ApiRoute): void {
  const refuse = rawBody?.refuse;
  server.route({
    method,
    url: path,
    ...(rawBody ? { bodyLimit: rawBody.limitBytes } : {}),
    ...(refuse
      ? {
          async onRequest(request, reply) {
            const head = headOf(request);
            const answer = await refuse(head);
            if (answer === null) {
              // It may have ended while it waited to be judged.
              if (reply.raw.destroyed) rawBody?.ended?.(head);
              else reply.raw.once("close", () => rawBody?.ended?.(head));
              return undefined;
            }
            // What is left of the body isn't read: the connection ends with the answer.
            void reply.header("connection", "close");
            return send(reply, answer);
          },
        }
      : {}),
    handler: async (request, reply) =>
      send(reply, await handle({ ...headOf(request), body: request.body })),
  });
}

function headOf(request: FastifyRequest): ApiHead {
  const [path = "", query = ""] = request.url.split("?", 2);
  return {
    path,
    remoteAddress: request.raw.socket.remoteAddress ?? "",
    query: new URLSearchParams(query),
    headers: request.headers,
  };
}

function guard(server: FastifyInstance, options: ApiServerOptions): void {
  const { clock, metrics } = options;
  const decide = createAccess({
    routes: options.routes,
    hosts: options.hostNames,
    tokens: { admin: options.token, push: options.pushToken ?? "" },
    clock,
  });
  const requests = metrics.counter(self.httpRequests);
  const durations = metrics.histogram(self.httpRequestDuration);
  const routeOf = createRouteNames(options.routes);
  const methods = new Set(["GET", "HEAD", "POST", "DELETE"]);
  const began = new WeakMap<FastifyRequest, number>();

  server.addHook("onRequest", async (request, reply) => {
    began.set(request, clock.monotonic());
    const { headers, socket } = request.raw;
    const decision = decide({
      method: request.method,
      url: request.url,
      host: headers.host,
      origin: headers.origin,
      authorization: headers.authorization,
      remoteAddress: socket.remoteAddress,
      localAddress: socket.localAddress,
    });
    if (decision.allowed) return undefined;
    if (decision.status === 401) void reply.header("www-authenticate", 'Bearer realm="warpwatch"');
    if (decision.status === 429) void reply.header("retry-after", "60");
    return send(reply, { status: decision.status, body: { error: decision.sentence } });
  });
  server.addHook("onResponse", async (request, reply) => {
    const route = routeOf(request.url.split("?", 1)[0] ?? "");
    const method = methods.has(request.method) ? request.method : "other";
    requests.increase({ route, method, code: String(reply.statusCode) });
    const seconds = (clock.monotonic() - (began.get(request) ?? clock.monotonic())) / 1000;
    durations.observe({ route }, seconds);
  });
}

/** What a caller spells out himself never becomes a label: a path with a name in it is its route's. */
function createRouteNames(routes: readonly ApiRoute[]): (path: string) => string {
  const paths = new Set(routes.map((route) => route.path));
  const prefixes = [...paths].filter((path) => path.endsWith("/*"));
  return (path) =>
    paths.has(path)
      ? path
      : (prefixes.find((prefix) => path.startsWith(prefix.slice(0, -1))) ?? "refused");
}

function send(reply: FastifyReply, { status, headers, body }: ApiAnswer): FastifyReply {
  const isText = typeof body === "string";
  const kind = isText ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
  return reply
    .code(status)
    .headers({
      "content-type": kind,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    })
    .send(isText || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}

function statusOf(thrown: unknown): number {
  const given =
    typeof thrown === "object" && thrown !== null && "statusCode" in thrown
      ? Number(thrown.statusCode)
      : 500;
  return given >= 400 && given < 600 ? given : 500;
}

function listenFailed(listen: ApiServerOptions["listen"], cause: unknown): WarpwatchError {
  const reason = systemCode(cause) === "EADDRINUSE" ? "the port is taken" : describeError(cause);
  const sentence = `can't listen on ${listen.host}:${listen.port}: ${reason}; \`listen\` sets another`;
  return new WarpwatchError("LISTEN_FAILED", sentence, { cause });
}

function addressOf(server: FastifyInstance, secure: boolean): string {
  const { address, family, port } = server.server.address() as AddressInfo;
  return `${secure ? "https" : "http"}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function close(server: FastifyInstance, clock: Clock): Promise<void> {
  const timer = clock.after(closeMilliseconds, () => server.server.closeAllConnections());
  await server.close();
  timer.cancel();
}
