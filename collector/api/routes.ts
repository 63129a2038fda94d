/** What the collector answers: one table from which the server's routes and their access rules are made. */
import { gzipSync } from "node:zlib";
import type { RouteRule } from "../../core/kit/access.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { version } from "../../core/kit/version.ts";
import { createExposition } from "../../core/wire/exposition.ts";
import { negotiateCoding, negotiateFormat } from "../../core/wire/negotiate.ts";
import { consoleHeaders, loadConsolePages } from "../console/pages.ts";
import type { Engine } from "../detect/engine.ts";
import type { Learned } from "../detect/learned/learned.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { AuditEntry } from "../state/audit.ts";
import type { Ingest } from "../ingest/door.ts";
import type { Scraper } from "../ingest/scrape/scraper.ts";
import type { RecentEvents } from "./events.ts";
import { createHistoryRoutes, type HistoryParts } from "./history-routes.ts";
import { createOverview } from "./overview.ts";
import type { Quiet } from "./quiet.ts";
import { createRemovalRoutes } from "./removals.ts";

export interface ApiParts {
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
  readonly ingest: Pick<Ingest, "origins">;
  readonly fleet: Fleet;
  readonly engine: Pick<Engine, "alerts">;
  readonly learned: Pick<Learned, "findings" | "failures" | "lastFrame">;
  readonly scraper: Pick<Scraper, "targets" | "errors">;
  readonly events: RecentEvents;
  readonly history: HistoryParts["history"];
  readonly quiet: Quiet;
  /** The audit log's entry of what the fleet does next, on disk together with it; null takes it back. */
  readonly announceAction: (entry: AuditEntry | null) => void;
  /** One sentence when the collector isn't ready, null when it is. */
  readonly unready: () => string | null;
}

export interface ApiHead {
  /** As it came, without the query. */
  readonly path: string;
  /** The address of who asks, or of the proxy between. */
  readonly remoteAddress: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface ApiRequest extends ApiHead {
  /** Parsed JSON, or undefined; on a route with `rawBody`, a Buffer. */
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text or bytes as they are, anything else as JSON. */
  readonly body: unknown;
}

export interface ApiRoute extends RouteRule {
  readonly handle: (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>;
  /** The body as it comes, whatever its type: what sends measurements has codecs of its own. */
  readonly rawBody?: {
    readonly limitBytes: number;
    /** Asked once the caller may call and before the body is read; an answer refuses it unread. */
    readonly refuse?: (head: ApiHead) => ApiAnswer | null | Promise<ApiAnswer | null>;
    /** A request that wasn't refused was answered, or its connection ended before. */
    readonly ended?: (head: ApiHead) => void;
  };
}

export function createRoutes(parts: ApiParts): ApiRoute[] {
  return [
    ...pageRoutes(),
    ...healthRoutes(parts),
    ...dataRoutes(parts),
    ...createHistoryRoutes(parts),
    ...createRemovalRoutes(parts),
  ];
}

/** The console holds no data: that comes from the API, with a token. */
function pageRoutes(): ApiRoute[] {
  return Array.from(loadConsolePages(), ([path, { body, contentType }]) => {
    const headers = { ...consoleHeaders, "content-type": contentType };
    return open(path, () => ({ status: 200, headers, body }));
  });
}

function healthRoutes(parts: ApiParts): ApiRoute[] {
  const exposition = createExposition();
  const verdicts = createExposition();
  const nothing = { origin: { node: "", job: "", instance: "", boot: "" }, version: 0 };
  const emptyFrame = {
    schema: { ...nothing, groups: [], series: [] },
    sequence: 0,
    timestamps: new Float64Array(0),
    values: new Float64Array(0),
    present: new Uint8Array(0),
    complete: true,
  };
  return [
    open("/metrics", async ({ headers }) => {
      const { format, contentType } = negotiateFormat(textOf(headers["accept"]));
      const coding = negotiateCoding(textOf(headers["accept-encoding"]));
      const own = await parts.metrics.render(format);
      const learned = parts.learned.lastFrame() ?? emptyFrame;
      const append = Buffer.from(verdicts.render(learned, format, { append: own })).toString();
      const rendered = exposition.render(parts.fleet.lastFrame() ?? emptyFrame, format, { append });
      const common = { "content-type": contentType, vary: "accept, accept-encoding" };
      return coding === "gzip"
        ? {
            status: 200,
            headers: { ...common, "content-encoding": "gzip" },
            body: gzipSync(rendered, { level: 1 }),
          }
        : { status: 200, headers: common, body: Buffer.from(rendered) };
    }),
    open("/-/healthy", () => ({ status: 200, body: "Warpwatch's collector is healthy\n" })),
    open("/-/ready", () => {
      const reason = parts.unready();
      return reason === null
        ? { status: 200, body: "Warpwatch's collector is ready\n" }
        : { status: 503, body: `Warpwatch's collector is not ready: ${reason}\n` };
    }),
  ];
}

function dataRoutes(parts: ApiParts): ApiRoute[] {
  const overview = createOverview(parts);
  const json = (path: string, read: (query: URLSearchParams) => unknown): ApiRoute => ({
    method: "GET",
    path: `/api/v1/${path}`,
    role: "viewer",
    handle: ({ query }) => ({ status: 200, body: read(query) }),
  });
  return [
    json("overview", overview),
    json("status", () => ({ version, timeMilliseconds: parts.clock.now() })),
    json("alerts", () => ({ alerts: parts.engine.alerts() })),
    json("findings", () => ({
      findings: parts.learned.findings(),
      failures: parts.learned.failures(),
    })),
    json("nodes", () => ({ nodes: parts.fleet.nodes() })),
    json("targets", () => ({ targets: parts.scraper.targets(), errors: parts.scraper.errors() })),
    json("removals", () => ({ removals: parts.fleet.removals() })),
  ];
}

function open(path: string, handle: ApiRoute["handle"]): ApiRoute {
  return { method: "GET", path, role: "viewer", openOnLoopback: true, handle };
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}
