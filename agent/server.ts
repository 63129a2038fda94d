/** What the agent serves over HTTP: metrics, health and a landing page, and beside them the views for other exporters' scrapers. */
import { isLoopback } from "../core/kit/access.ts";
import type { Clock } from "../core/kit/clock.ts";
import type { Log } from "../core/kit/log.ts";
import type { SelfMetrics } from "../core/kit/self-metrics.ts";
import type { Holders } from "./attribution/holders.ts";
import { createJoin, type Join } from "./attribution/join.ts";
import type { AgentConfig } from "./config.ts";
import { renderLandingPage } from "./landing-page.ts";
import {
  createMeter,
  startListener,
  type GuardedWeb,
  type Handler,
  type Listener,
} from "./listener.ts";
import { createMetricsPage } from "./metrics-page.ts";
import { answerWithPage } from "./page-answer.ts";
import type { Sampler } from "./sampler.ts";
import { createViewHandlers } from "./views/handlers.ts";
import type { View } from "./views/view.ts";

export interface AgentServer extends Listener {
  /** The addresses of the views, in their order. */
  readonly viewAddresses: readonly string[];
}

export interface ListeningView {
  readonly view: View;
  readonly listen: AgentConfig["listen"];
}

export interface AgentServerOptions {
  readonly config: Pick<AgentConfig, "listen" | "telemetryPath" | "hostNames" | "webConfigFile">;
  readonly node: string;
  readonly token: string;
  readonly sampler: Sampler;
  readonly metrics: SelfMetrics;
  /** Their labels go onto the GPUs' series on the page. */
  readonly holders: Holders;
  readonly views?: readonly ListeningView[];
  /** Milliseconds after which the frame no longer counts as fresh. */
  readonly freshMilliseconds: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Listens on every address, or throws LISTEN_FAILED and listens on none; for the web configuration ConfigError or TLS_UNUSABLE. */
export async function startServer(options: AgentServerOptions): Promise<AgentServer> {
  const { config, metrics, clock, log, sampler, token } = options;
  const common = {
    hosts: [...config.hostNames, options.node],
    token,
    web: await openWeb(config.webConfigFile, clock, log),
    meter: createMeter(metrics, clock),
    clock,
    log,
  };
  const listeners: Listener[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  try {
    const join = createJoin(options.holders);
    const handlers = createHandlers(options, join);
    const flag = "web.listen-address";
    listeners.push(await startListener({ ...common, listen: config.listen, flag, handlers }));
    for (const { view, listen } of options.views ?? [])
      listeners.push(
        await startListener({
          ...common,
          listen,
          flag: `compat.${view.name}`,
          handlers: createViewHandlers(view, sampler, join),
          // The original takes no token, and nobody would ask for an address beyond loopback but for its scrapers.
          isOpen: listen.host !== "localhost" && !isLoopback(listen.host),
        }),
      );
  } catch (thrown) {
    await closeAll();
    throw thrown;
  }
  const [address = "", ...viewAddresses] = listeners.map((listener) => listener.address);
  return { address, viewAddresses, close: closeAll };
}

/** Neither TLS nor YAML is in memory where nobody asked for it. */
async function openWeb(file: string, clock: Clock, log: Log): Promise<GuardedWeb | null> {
  if (file === "") return null;
  const { openServedWeb } = await import("../core/kit/served-web.ts");
  const { createBasicAuth } = await import("../core/kit/basic-auth.ts");
  return {
    served: openServedWeb(file, { clock, log, takesUsers: true }),
    basicAuth: createBasicAuth(),
  };
}

function createHandlers(options: AgentServerOptions, join: Join): Map<string, Handler> {
  const { config, sampler, node } = options;
  const page = createMetricsPage(sampler, options.metrics, join);
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
    [config.telemetryPath, ({ headers }) => answerWithPage(page, sampler, headers)],
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
