/** The collector, put together: the door, the fleet, the rules, the notifiers, the scraper and the server. */
import { join } from "node:path";
import { every } from "../core/kit/clock.ts";
import { createSelfMetrics, type SelfMetrics } from "../core/kit/self-metrics.ts";
import {
  prepareStateFolder,
  readLocalToken,
  readTokenFile,
  type LocalToken,
} from "../core/kit/state-folder.ts";
import type { WarpwatchEvent } from "../core/wire/event.ts";
import type { FrameSink } from "../core/wire/frame.ts";
import { createPushRoutes } from "./api/push-routes.ts";
import { createRoutes, type ApiRoute } from "./api/routes.ts";
import { startApiServer, type ApiServer } from "./api/server.ts";
import type { CollectorConfig } from "./config.ts";
import { createIngest } from "./ingest/door.ts";
import type { History } from "./history/history.ts";
import { createScraper, type Scraper, type TargetView } from "./ingest/scrape/scraper.ts";
import { createNotifiers } from "./notify/config.ts";
import { ownOriginKeys } from "./origin.ts";
import { followFleet, openFleet } from "./parts/fleet.ts";
import { createJudges, judgeOneself } from "./parts/judges.ts";
import { openKeeping } from "./parts/keeping.ts";
import { openMuting, type Muting } from "./parts/muting.ts";
import { openNotify } from "./parts/notify.ts";
import type { CollectorOptions } from "./parts/options.ts";
import { openPush } from "./parts/push.ts";
import { watchStorage } from "./parts/storage.ts";
import { createSchedule, type Schedule } from "./schedule.ts";
import type { Alert } from "./state/alert.ts";
import { readAuditKeys } from "./state/audit-key.ts";
import { openState, type State } from "./state/open.ts";

export interface Collector {
  /** Where the console and the API are. */
  readonly address: string;
  readonly token: LocalToken;
  /** The one that agents send with. */
  readonly pushToken: LocalToken;
  /** For agents in this process. */
  readonly frameSink: FrameSink;
  readonly eventSink: { accept(event: WarpwatchEvent): void };
  alerts(): Alert[];
  targets(): TargetView[];
  /** Resolves when nothing is under way; what isn't delivered yet is on disk. */
  stop(): Promise<void>;
}

const tickMilliseconds = 1000;
const pushTokenName = "push-token";
/** Beside two for each origin that sends. */
const peopleConnections = 512;

/** Throws a WarpwatchError when the state folder or the address can't be used. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { env, log, config } = options;
  const { clock } = env;
  const folder = config.stateFolder || options.defaultStateFolder;
  prepareStateFolder(folder);
  const tokens = readTokens(config, folder);
  const boot = env.randomId();
  const metrics = createSelfMetrics({ clock });
  const notifiers = createNotifiers(config.notifiers, { clock, consoleUrl: config.externalUrl });
  const auditKeys = readAuditKeys(config.auditKeyFile);
  const state = openState({ folder: join(folder, "collector"), notifiers, clock, auditKeys });
  const stops: (() => void | Promise<void>)[] = [];
  stops.unshift(watchStorage({ state, clock, log, metrics }));
  try {
    const receivers = notifiers.map(({ name }) => name);
    const muting = openMuting({ options, state, metrics, receivers });
    stops.unshift(() => muting.close());
    const notify = openNotify({ options, state, notifiers, muting, metrics });
    stops.unshift(() => notify.close());
    const reserved = ownOriginKeys(env.node);
    const ingest = createIngest({ clock, log, metrics, limits: config.ingest, reserved });
    const judges = createJudges({ options, state, sink: ingest.own, boot, metrics, folder });
    const { engine, learned } = judges;
    stops.unshift(() => learned.close());
    stops.unshift(judgeOneself(options, ingest.own, boot, metrics));
    const { fleet, announceAction } = openFleet(options, state, judges, ingest.own, boot);
    ingest.listen(fleet);
    ingest.listen(engine);
    const keeping = openKeeping({ options, ingest, folder, boot, metrics });
    const { history, stored } = keeping;
    stops.unshift(() => keeping.close());
    const schedule = scheduleUpkeep(history, muting, options);
    stops.unshift(() => schedule.stop());
    const { events, push, keepEvents } = openPush({ options, ingest, history, stored, metrics });
    const scraper = openScraper(options, ingest, boot, metrics);
    stops.unshift(() => scraper.stop());
    const followed = followFleet(options, fleet, boot);
    stops.unshift(() => followed.stop());
    let ticks = 0;
    const timer = every(clock, tickMilliseconds, () => {
      ticks += 1;
      followed.refresh();
      fleet.tick();
      learned.tick();
      engine.tick(ingest.origins());
    });
    stops.unshift(() => timer.cancel());
    const unready = (): string | null => (ticks > 0 ? null : "it has just been started");
    const { quiet } = muting;
    const parts = { clock, metrics, ingest, fleet, engine, learned, scraper, events, history };
    const routes = [
      ...createRoutes({ ...parts, quiet, announceAction, unready }),
      ...createPushRoutes(push),
      ...keeping.routes,
      ...muting.routes(() => engine.alerts()),
      ...notify.routes,
    ];
    const server = await serve(options, tokens, routes, metrics);
    stops.unshift(() => server.close());
    return {
      address: server.address,
      ...tokens,
      frameSink: ingest,
      eventSink: { accept: (event) => keepEvents([event]) },
      alerts: () => engine.alerts(),
      targets: () => scraper.targets(),
      stop: () => stopAll(stops, state),
    };
  } catch (thrown) {
    await stopAll(stops, state);
    throw thrown;
  }
}

interface Tokens {
  readonly token: LocalToken;
  readonly pushToken: LocalToken;
}

function readTokens({ tokenFile, pushTokenFile }: CollectorConfig, folder: string): Tokens {
  return {
    token: tokenFile === "" ? readLocalToken(folder) : readTokenFile(tokenFile),
    pushToken:
      pushTokenFile === "" ? readLocalToken(folder, pushTokenName) : readTokenFile(pushTokenFile),
  };
}

function serve(
  { env, log, config }: CollectorOptions,
  { token, pushToken }: Tokens,
  routes: readonly ApiRoute[],
  metrics: SelfMetrics,
): Promise<ApiServer> {
  return startApiServer({
    listen: config.listen,
    hostNames: [...config.hostNames, env.node],
    token: token.token,
    pushToken: pushToken.token,
    webConfigFile: config.webConfigFile,
    maximumConnections: peopleConnections + 2 * config.ingest.origins,
    routes,
    clock: env.clock,
    log,
    metrics,
  });
}

async function stopAll(
  stops: readonly (() => void | Promise<void>)[],
  state: State,
): Promise<void> {
  for (const stop of stops) await stop();
  state.close();
}

function openScraper(
  { env, log, config }: CollectorOptions,
  sink: FrameSink,
  boot: string,
  metrics: SelfMetrics,
): Scraper {
  return createScraper({
    jobs: config.scrape,
    clock: env.clock,
    log,
    metrics,
    sink,
    boot,
    maximumTargets: config.maximumTargets,
    seriesPerTarget: config.ingest.seriesPerOrigin,
  });
}

/** Failures are told by history itself; what is left is done with the next run. */
function scheduleUpkeep(
  history: History | null,
  muting: Muting,
  { env, log }: CollectorOptions,
): Schedule {
  const schedule = createSchedule({ clock: env.clock, log });
  schedule.add("compaction of history", "5 * * * *", () => history?.compact());
  // Before old days become minutes, and before any of them goes.
  schedule.add("daily features of history", "12 * * * *", () => history?.makeFeatures());
  schedule.add("retention of history", "20 * * * *", () => history?.retain());
  schedule.add("roll-up of history", "35 * * * *", () => history?.rollUp());
  schedule.add("what silences and the audit log keep", "50 * * * *", () => muting.prune());
  schedule.add("the audit log's head", "0 0 * * *", () => muting.tellHead());
  return schedule;
}
