/** The collector's HTTP server: fastify behind the route table, the raw routes before it; what the table doesn't name is refused before anything runs. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { self } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, systemCode, WarpwatchError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { openServedWeb, type ServedWeb } from "../../core/kit/served-web.ts";
import { createGuard, headOf, type Guard } from "./guard.ts";
import { commonHeaders, contentOf, contentTypeOf, createRawRoutes } from "./raw-routes.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";

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
  const { webConfigFile = "", clock, routes } = options;
  const web =
    webConfigFile === "" ? null : openServedWeb(webConfigFile, { clock, log, takesUsers: false });
  const guard = createGuard(options);
  const raw = createRawRoutes({ routes, guard, log });
  const server = fastify({
    bodyLimit: limits.bodyLimit,
    logger: false,
    forceCloseConnections: true,
    serverFactory: (handler) =>
      createHttpServer(web?.tls ?? null, (request, response) => {
        if (!raw.serve(request, response)) handler(request, response);
      }),
  });
  web?.follow(server.server);
  server.server.maxConnections = options.maximumConnections ?? defaultMaximumConnections;
  stand(guard, server);
  for (const route of routes.filter(({ rawBody }) => !rawBody)) addRoute(server, route);
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
    close() {
      raw.close();
      return close(server, clock);
    },
  };
}

function addRoute(server: FastifyInstance, { method, path, handle }: ApiRoute): void {
  server.route({
    method,
    url: path,
    handler: async (request, reply) =>
      send(reply, await handle({ ...headOf(request.raw), body: request.body })),
  });
}

function stand(guard: Guard, server: FastifyInstance): void {
  const began = new WeakMap<FastifyRequest, number>();
  server.addHook("onRequest", async (request, reply) => {
    began.set(request, guard.now());
    const refused = guard.judge(request.raw);
    return refused === null ? undefined : send(reply, refused);
  });
  server.addHook("onResponse", async (request, reply) => {
    guard.answered(request.raw, reply.statusCode, began.get(request) ?? guard.now());
  });
}

/** As fastify would make it, with the raw routes before its own. */
function createHttpServer(
  tls: ServedWeb["tls"],
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = tls
    ? createTlsServer({ ...limits.http, ...tls }, listener)
    : createServer(limits.http, listener);
  server.keepAliveTimeout = limits.keepAliveTimeout;
  server.requestTimeout = limits.requestTimeout;
  server.setTimeout(limits.connectionTimeout);
  return server;
}

function send(reply: FastifyReply, { status, headers, body }: ApiAnswer): FastifyReply {
  return reply
    .code(status)
    .headers({ "content-type": contentTypeOf(body), ...commonHeaders, ...headers })
    .send(contentOf(body));
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
