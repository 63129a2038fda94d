/** What every request to the collector's server passes: judged by the route table before it is read, counted once it is answered. */
import type { IncomingMessage } from "node:http";
import { self } from "../../core/catalog/index.ts";
import { createAccess } from "../../core/kit/access.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { ApiAnswer, ApiHead, ApiRoute } from "./routes.ts";

export interface Guard {
  /** The answer to one who may not ask this, null to one who may. */
  judge(request: IncomingMessage): ApiAnswer | null;
  /** When a request began is told by `now`. */
  answered(request: IncomingMessage, status: number, beganMilliseconds: number): void;
  now(): number;
}

export interface GuardOptions {
  readonly routes: readonly ApiRoute[];
  readonly hostNames: readonly string[];
  readonly token: string;
  readonly pushToken?: string;
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
}

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "DELETE"]);

export function createGuard(options: GuardOptions): Guard {
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

  return {
    now: () => clock.monotonic(),
    judge({ method = "", url = "", headers, socket }) {
      const decision = decide({
        method,
        url,
        host: headers.host,
        origin: headers.origin,
        authorization: headers.authorization,
        remoteAddress: socket.remoteAddress,
        localAddress: socket.localAddress,
        connection: socket,
      });
      if (decision.allowed) return null;
      const { status, sentence } = decision;
      return { status, headers: refusalHeaders[status] ?? {}, body: { error: sentence } };
    },
    answered({ method = "", url = "" }, status, beganMilliseconds) {
      const route = routeOf(pathOf(url));
      requests.increase({
        route,
        method: methods.has(method) ? method : "other",
        code: String(status),
      });
      durations.observe({ route }, (clock.monotonic() - beganMilliseconds) / 1000);
    },
  };
}

export function headOf({ url = "", headers, socket }: IncomingMessage): ApiHead {
  const path = pathOf(url);
  return {
    path,
    remoteAddress: socket.remoteAddress ?? "",
    query: new URLSearchParams(url.slice(path.length + 1).split("?", 1)[0]),
    headers,
  };
}

/** The request target without its query. */
export function pathOf(url: string): string {
  const at = url.indexOf("?");
  return at < 0 ? url : url.slice(0, at);
}

const refusalHeaders: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { "www-authenticate": 'Bearer realm="warpwatch"' },
  429: { "retry-after": "60" },
};

/** What a caller spells out himself never becomes a label: a path with a name in it is its route's. */
function createRouteNames(routes: readonly ApiRoute[]): (path: string) => string {
  const paths = new Set(routes.map((route) => route.path));
  const prefixes = [...paths].filter((path) => path.endsWith("/*"));
  return (path) =>
    paths.has(path)
      ? path
      : (prefixes.find((prefix) => path.startsWith(prefix.slice(0, -1))) ?? "refused");
}
