/** The collector, put together: the door, the fleet, the rules, the notifiers, the scraper and the server. */
import { join } from "node:path";
import { every } from "../core/kit/clock.ts";
import type { Env } from "../core/kit/env.ts";
import { describeError } from "../core/kit/errors.ts";
import type { Log } from "../core/kit/log.ts";
import { createSelfMetrics, type SelfMetrics } from "../core/kit/self-metrics.ts";
import {
  prepareStateFolder,
  readLocalToken,
  readTokenFile,
  type LocalToken,
} from "../core/kit/state-folder.ts";
import type { WarpwatchEvent } from "../core/wire/event.ts";
import type { FrameSink } from "../core/wire/frame.ts";
import { createRecentEvents } from "./api/events.ts";
import { createPushRoutes } from "./api/push-routes.ts";
import { createRemoteWriteRoute } from "./api/remote-write-route.ts";
import { createRoutes, type ApiRoute } from "./api/routes.ts";
import { startApiServer, type ApiServer } from "./api/server.ts";
import type { CollectorConfig } from "./config.ts";
import { createAlertBook } from "./detect/alert-book.ts";
import { createEngine, type Engine } from "./detect/engine.ts";
import { createLearned, type Learned } from "./detect/learned/learned.ts";
import { createThresholdDetector } from "./detect/threshold/detector.ts";
import { watchFleetFile } from "./fleet/file.ts";
import { createFleet, type Fleet } from "./fleet/fleet.ts";
import { createHistory, type History } from "./history/history.ts";
import { createHistoryListener, type HistoryListener } from "./history/listener.ts";
import { createRemoteStores } from "./history/remote-write/store.ts";
import { createIngest, type Ingest } from "./ingest/door.ts";
import { createOwnFrames, ownFramesPeriodMilliseconds } from "./own-frames.ts";
import { createPushDoor } from "./ingest/push/door.ts";
import { createRemoteWriteReceiver } from "./ingest/remote-write/receiver.ts";
import { createScraper, type Scraper, type TargetView } from "./ingest/scrape/scraper.ts";
import { createNotifiers } from "./notify/config.ts";
import { startDispatcher } from "./notify/dispatcher.ts";
import { createSchedule, type Schedule } from "./schedule.ts";
import type { Alert } from "./state/alert.ts";
import { openState, type State } from "./state/open.ts";

export interface CollectorOptions {
  readonly env: Env;
  readonly log: Log;
  readonly config: CollectorConfig;
  /** Where state goes when the configuration doesn't say. */
  readonly defaultStateFolder: string;
}

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
/** Read again at a start, for the API. */
const recentEvents = 5000;
const pushTokenName = "push-token";
/** Beside two for each origin that sends. */
const peopleConnections = 512;
/** What the keyed store knows the fleet by. */
const fleetKey = "fleet";

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
  const state = openState({ folder: join(folder, "collector"), notifiers, clock });
  const stops: (() => void | Promise<void>)[] = [];
  try {
    const { outbox, alerts } = state;
    const dispatcher = startDispatcher({ notifiers, outbox, alerts, env, log, metrics });
    stops.unshift(() => dispatcher.close());
    const ingest = createIngest({ clock, log, metrics, limits: config.ingest });
    const judges = createJudges({ options, state, sink: ingest.own, boot, metrics, folder });
    const { engine, learned } = judges;
    stops.unshift(() => learned.close());
    stops.unshift(judgeOneself(options, ingest.own, boot, metrics));
    const fleet = openFleet(options, state, judges, ingest.own, boot);
    ingest.listen(fleet);
    ingest.listen(engine);
    const keeping = openKeeping({ options, ingest, folder, boot, metrics });
    const { history, kept } = keeping;
    stops.unshift(() => keeping.close());
    const schedule = scheduleUpkeep(history, options);
    stops.unshift(() => schedule.stop());
    const { events, push, keepEvents } = openPush({ options, ingest, history, kept, metrics });
    const scraper = openScraper(options, ingest, boot, metrics);
    stops.unshift(() => scraper.stop());
    const refreshFleetFile = followFleetFile(config.fleet.file, fleet, log);
    let ticks = 0;
    const timer = every(clock, tickMilliseconds, () => {
      ticks += 1;
      refreshFleetFile();
      fleet.tick();
      learned.tick();
      engine.tick(ingest.origins());
    });
    stops.unshift(() => timer.cancel());
    const unready = (): string | null => (ticks > 0 ? null : "it has just been started");
    const parts = { clock, metrics, ingest, fleet, engine, learned, scraper, events, history };
    const routes = [
      ...createRoutes({ ...parts, unready }),
      ...createPushRoutes(push),
      ...keeping.routes,
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

interface Judges {
  readonly engine: Engine;
  readonly learned: Learned;
}

interface JudgesOptions {
  readonly options: CollectorOptions;
  readonly state: State;
  readonly sink: FrameSink;
  readonly boot: string;
  readonly metrics: SelfMetrics;
  readonly folder: string;
}

/** The engine with the rules and the learned detectors. */
function createJudges({ options, state, sink, boot, metrics, folder }: JudgesOptions): Judges {
  const { env, log, config } = options;
  const { clock } = env;
  const { rules } = config;
  const book = createAlertBook({ rules, store: state.alerts, clock, log, metrics });
  const snapshots = join(folder, "detectors");
  const learned = createLearned({ clock, log, metrics, sink, boot, folder: snapshots });
  const threshold = createThresholdDetector({ rules, book, log, metrics });
  const detectors = [threshold, ...learned.detectors];
  return { engine: createEngine({ clock, metrics, book, detectors }), learned };
}

/** Its own counts go the way of all others. */
function judgeOneself(
  { env, log }: CollectorOptions,
  sink: FrameSink,
  boot: string,
  metrics: SelfMetrics,
): () => void {
  const { clock, node } = env;
  const own = createOwnFrames({ clock, log, metrics, sink, node, boot });
  const timer = every(clock, ownFramesPeriodMilliseconds, () => void own.send());
  return () => timer.cancel();
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

interface PushOptions {
  readonly options: CollectorOptions;
  readonly ingest: Ingest;
  readonly history: History | null;
  readonly kept: HistoryListener | null;
  readonly metrics: SelfMetrics;
}

/** Where frames and events of other processes come in, and the newest events. */
function openPush({ options, ingest, history, kept, metrics }: PushOptions) {
  const events = createRecentEvents(metrics);
  for (const event of history?.events.recent(recentEvents) ?? []) events.accept(event);
  const keepEvents = (reported: readonly WarpwatchEvent[]): void => {
    for (const event of reported) events.accept(event);
    history?.events.add(reported);
  };
  const push = createPushDoor({
    clock: options.env.clock,
    log: options.log,
    metrics,
    ingest,
    origins: options.config.ingest.origins,
    seriesPerOrigin: options.config.ingest.seriesPerOrigin,
    stored: () => kept?.stored ?? Promise.resolve(),
    keepEvents,
  });
  return { events, push, keepEvents };
}

interface KeepingParts {
  readonly options: CollectorOptions;
  readonly ingest: Ingest;
  readonly folder: string;
  readonly boot: string;
  readonly metrics: SelfMetrics;
}

interface Keeping {
  readonly history: History | null;
  readonly kept: HistoryListener | null;
  /** Of the remote-write receiver, which hands history its samples itself. */
  readonly routes: readonly ApiRoute[];
  close(): Promise<void>;
}

/** What the door lets in is kept by history and sent on to stores. */
function openKeeping({ options, ingest, folder, boot, metrics }: KeepingParts): Keeping {
  const { env, log, config } = options;
  const remoteBoot = `${boot}-remote-write`;
  const history = openHistory(options, join(folder, "history"), metrics);
  const kept = history && createHistoryListener(history, remoteBoot);
  if (kept) ingest.listen(kept);
  const stores = createRemoteStores({
    env,
    log,
    metrics,
    folder: join(folder, "remote-write"),
    stores: config.remoteWrite,
  });
  for (const listener of stores.listeners) ingest.listen(listener);
  const settings = config.remoteWriteReceiver;
  const receiver = createRemoteWriteReceiver({
    clock: env.clock,
    log,
    metrics,
    settings,
    limits: config.ingest,
    door: ingest,
    boot: remoteBoot,
    append: history && ((frame) => history.append(frame)),
    late: (frame) => stores.listeners.forEach((store) => store.late(frame)),
    historyMilliseconds: config.history.retentionMilliseconds,
  });
  return {
    history,
    kept,
    routes: settings.enabled ? [createRemoteWriteRoute(receiver, settings.bodyLimitBytes)] : [],
    async close() {
      await stores.close();
      await history?.close();
    },
  };
}

/** Failures are told by history itself; what is left is done with the next run. */
function scheduleUpkeep(history: History | null, { env, log }: CollectorOptions): Schedule {
  const schedule = createSchedule({ clock: env.clock, log });
  schedule.add("compaction of history", "5 * * * *", () => history?.compact());
  schedule.add("retention of history", "20 * * * *", () => history?.retain());
  schedule.add("roll-up of history", "35 * * * *", () => history?.rollUp());
  return schedule;
}

function openFleet(
  { env, log, config }: CollectorOptions,
  state: State,
  { engine, learned }: Judges,
  sink: FrameSink,
  boot: string,
): Fleet {
  const { goneMilliseconds, maximumNodes } = config.fleet;
  return createFleet({
    clock: env.clock,
    log,
    store: {
      load: () => state.keyed.load(fleetKey),
      save: (record) => state.keyed.save(fleetKey, record),
    },
    sink,
    boot,
    goneMilliseconds,
    maximumNodes,
    onRemoved(node, device) {
      learned.remove(node, device);
      engine.endRemoved(node, device);
    },
  });
}

/** Alerts don't wait for history: a collector that can't have it says so and goes on without. */
function openHistory(
  { env, log, config }: CollectorOptions,
  folder: string,
  metrics: SelfMetrics,
): History | null {
  if (!config.history.enabled) return null;
  try {
    return createHistory({ ...config.history, folder, env, log, metrics });
  } catch (thrown) {
    log.error(`nothing is kept for history: ${describeError(thrown)}`);
    return null;
  }
}

/** A file that can't be used is told once, and what it said before stays. */
function followFleetFile(file: string, fleet: Fleet, log: Log): () => void {
  if (file === "") return () => {};
  const watched = watchFleetFile(file);
  return () => {
    try {
      const content = watched.read();
      if (content) fleet.applyFile(content);
    } catch (thrown) {
      log.error(`the fleet file can't be used: ${describeError(thrown)}`);
    }
  };
}
