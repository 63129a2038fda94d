/** The agent: sources, sampler, HTTP server and control socket, put together. */
import { self } from "../core/catalog/index.ts";
import type { Env } from "../core/kit/env.ts";
import type { Log } from "../core/kit/log.ts";
import type { SelfMetrics } from "../core/kit/self-metrics.ts";
import { prepareStateFolder, readLocalToken, readTokenFile } from "../core/kit/state-folder.ts";
import { version } from "../core/kit/version.ts";
import type { Frame, FrameSink, Origin } from "../core/wire/frame.ts";
import type { AgentConfig } from "./config.ts";
import { controlPath, startControl, type ControlHandlers } from "./control.ts";
import { createAgentEvents, type AgentEvents, type EventReceiver } from "./events.ts";
import { describeHost } from "./host-device.ts";
import { createHolders, type Holders } from "./attribution/holders.ts";
import { createGpuDirectory } from "./gpu-directory.ts";
import { createOwnMetrics } from "./own-metrics.ts";
import type { AgentOtlp } from "./otlp/export.ts";
import { createProbes, type OwnedProbes } from "./probes/process.ts";
import type { Pusher } from "./push/pusher.ts";
import type { AgentReading } from "./sampler-frame.ts";
import { isAwaited, type SourceState, type SourceStatus } from "./sampler-source.ts";
import { createSampler, type Sampler } from "./sampler.ts";
import { startServer, type ListeningView } from "./server.ts";
import type { Source } from "./sources/source.ts";
import { createDcgmExporterView } from "./views/dcgm-exporter.ts";
import { createNodeExporterView } from "./views/node-exporter.ts";

export interface AgentOptions {
  readonly env: Env;
  readonly log: Log;
  readonly config: AgentConfig;
  readonly sources: readonly Source[];
  readonly frameSinks?: readonly FrameSink[];
  readonly eventSinks?: readonly EventReceiver[];
  /** Plays a fault on the synthetic devices; given only with the synthetic source. */
  readonly inject?: ControlHandlers["inject"];
  readonly releaseGpus?: ControlHandlers["releaseGpus"];
}

export interface Agent {
  /** `http://127.0.0.1:9410` */
  readonly address: string;
  /** Where other exporters' subsets are served. */
  readonly viewAddresses: readonly string[];
  status(): readonly SourceStatus[];
  /** The latest frame; its buffers are written again by the next tick. */
  frame(): Frame;
  /** Tries absent and down sources again at the next tick. */
  reload(): void;
  stop(): Promise<void>;
}

/** Resolves once the first frame was sent. Throws LISTEN_FAILED or STATE_UNUSABLE. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { log, config } = options;
  const node = config.node === "" ? options.env.node : config.node;
  const env: Env = { ...options.env, node, paths: config.paths };
  prepareStateFolder(config.stateFolder);
  const { token, file, created } =
    config.tokenFile === "" ? readLocalToken(config.stateFolder) : readTokenFile(config.tokenFile);
  if (created)
    log.info("a token for calls from beyond loopback was made: it is in the file", { file });

  const probes = createProbes(env, log);
  const holders = createHolders();
  const pusher = await openPusher(config, env, log);
  const otlp = await openOtlp(config, env, log);
  const sampler = prepareSampler(withOutlets(options, pusher, otlp), env, probes, holders);
  const reload = (): void => {
    log.info("reload: absent and down sources are tried again");
    sampler.retry();
  };
  const control = await startControl(
    controlPath(config.stateFolder),
    {
      reload,
      status: () => ({ node, version, sources: sampler.status() }),
      inject: options.inject,
      releaseGpus: options.releaseGpus ?? releaseOf(options.sources),
    },
    log,
  );
  const metrics = createOwnMetrics({ clock: env.clock });
  const views = viewsOf(options, sampler, metrics);
  const server = await startServer({
    config,
    node,
    token,
    sampler,
    holders,
    metrics,
    views,
    freshMilliseconds: 3 * sampler.paceMilliseconds + 1000,
    clock: env.clock,
    log,
  }).catch(async (thrown: unknown) => {
    await Promise.all([control.close(), pusher?.stop()]);
    throw thrown;
  });
  // Node opens its inspector on this signal otherwise: a port through which anybody on the machine could run code.
  process.on("SIGUSR1", ignoreSignal);
  await sampler.start();
  otlp?.start(() => sampler.refresh());
  tellSources(sampler.status(), log);
  log.info("the agent serves metrics", { address: server.address, path: config.telemetryPath });

  views.forEach(({ view }, index) => {
    const address = server.viewAddresses[index] ?? "";
    log.info(`the agent serves what ${view.name} would`, { address });
  });

  return {
    address: server.address,
    viewAddresses: server.viewAddresses,
    status: () => sampler.status(),
    frame: () => sampler.frame(),
    reload,
    async stop() {
      await otlp?.stop();
      sampler.stop();
      probes.close();
      await Promise.all([server.close(), control.close(), pusher?.stop()]);
      process.off("SIGUSR1", ignoreSignal);
    },
  };
}

/** Nothing of it is in memory where nobody asked for it. */
async function openPusher(config: AgentConfig, env: Env, log: Log): Promise<Pusher | null> {
  if (!config.push) return null;
  const { startPusher } = await import("./push/pusher.ts");
  return startPusher({ config: config.push, env, log, instance: instanceOf(config, env.node) });
}

async function openOtlp(config: AgentConfig, env: Env, log: Log): Promise<AgentOtlp | null> {
  if (!config.otlp) return null;
  const { createAgentOtlp } = await import("./otlp/export.ts");
  return createAgentOtlp({ config: config.otlp, env, log, instance: instanceOf(config, env.node) });
}

/** Unique among the agents of a fleet: Prometheus' `instance`. */
function instanceOf({ listen }: AgentConfig, node: string): string {
  return `${node}:${listen.port}`;
}

interface SamplingOptions extends AgentOptions {
  readonly outletReadings: readonly AgentReading[];
}

function withOutlets(
  options: AgentOptions,
  pusher: Pusher | null,
  otlp: AgentOtlp | null,
): SamplingOptions {
  const outletReadings = [...(pusher?.readings ?? []), ...(otlp?.readings ?? [])];
  if (!pusher) return { ...options, outletReadings };
  return {
    ...options,
    frameSinks: [...(options.frameSinks ?? []), pusher.frames],
    eventSinks: [...(options.eventSinks ?? []), pusher.events],
    outletReadings,
  };
}

/** Lets go of every device that a source holds open; the names of those that held one. */
function releaseOf(sources: readonly Source[]): ControlHandlers["releaseGpus"] {
  const holding = sources.filter((source) => source.release !== undefined);
  if (holding.length === 0) return undefined;
  return async () => {
    const released = await Promise.all(
      holding.map(async (source) => ((await source.release?.()) === true ? [source.name] : [])),
    );
    return released.flat();
  };
}

function viewsOf(
  { config, sources }: AgentOptions,
  sampler: Sampler,
  metrics: SelfMetrics,
): ListeningView[] {
  const status = (): readonly SourceStatus[] => sampler.status();
  const { nodeExporter, dcgmExporter } = config;
  return [
    ...(nodeExporter
      ? [{ view: createNodeExporterView({ sources, status, metrics }), listen: nodeExporter }]
      : []),
    ...(dcgmExporter ? [{ view: createDcgmExporterView(), listen: dcgmExporter }] : []),
  ];
}

function prepareSampler(
  options: SamplingOptions,
  env: Env,
  probes: OwnedProbes,
  holders: Holders,
): Sampler {
  const { config, log } = options;
  const { node } = env;
  const boot = env.randomId();
  const { job } = config;
  const origin: Origin = { node, job, instance: instanceOf(config, node), boot };
  const host = describeHost(node, env.paths.sysfs, config.place);
  const receivers = options.eventSinks ?? [];
  const events = createAgentEvents({ node, boot, log, receivers });
  // With every frame the receivers of events are offered what they haven't taken yet.
  const flushers = receivers.length > 0 ? [{ accept: () => events.flush() }] : [];
  const sampler: Sampler = createSampler({
    config: config.sampling,
    context: {
      env,
      log,
      events,
      host,
      probes,
      gpus: createGpuDirectory(),
      holders,
      stateFolder: config.stateFolder,
    },
    origin,
    host,
    sources: options.sources,
    sinks: [...(options.frameSinks ?? []), ...flushers],
    readings: [...ownReadings(node, events, () => sampler), ...options.outletReadings],
    onStateChange: (status, before) => tellStateChange(env, log, events, status, before),
  });
  return sampler;
}

function ownReadings(node: string, events: AgentEvents, sampler: () => Sampler): AgentReading[] {
  return [
    { metric: self.agentInfo, values: [version, node], read: () => 1 },
    { metric: self.agentSchemaVersion, values: [], read: () => sampler().frame().schema.version },
    { metric: self.agentEvents, values: [], read: () => events.reported },
    { metric: self.agentDroppedEvents, values: [], read: () => events.dropped },
    { metric: self.agentFailedDeliveries, values: [], read: () => sampler().failedDeliveries },
  ];
}

/** One line for all of them: most of what can be measured is on no single machine. */
function tellSources(sources: readonly SourceStatus[], log: Log): void {
  const awaited = sources.filter(isAwaited);
  const known = sources.filter((one) => !isAwaited(one));
  const names = (state: SourceState): string[] =>
    known.filter((one) => one.state === state).map(({ name }) => name);
  const [up, absent, down] = [names("up"), names("absent"), names("down")];
  log.info(
    `sources: ${up.length} up, ${absent.length} absent, ${down.length} down, ${awaited.length} awaited; ` +
      "the agent's page / says why, and so do debug lines",
    {
      up: up.join(" "),
      absent: absent.join(" "),
      down: down.join(" "),
      awaited: awaited.map(({ name }) => name).join(" "),
    },
  );
}

/** The first state is a debug line, as there are many of them; a change from one to another is an event. */
function tellStateChange(
  env: Env,
  log: Log,
  events: AgentEvents,
  status: SourceStatus,
  before: SourceState | null,
): void {
  const { name: source, state, reason } = status;
  if (before === null) {
    if (state !== "down") log.debug(`source ${source} is ${state}`, { source, reason });
    return;
  }
  events.report({
    timeMilliseconds: env.clock.now(),
    kind: "source_state",
    device: "",
    text:
      reason === "" ? `source ${source} is ${state}` : `source ${source} is ${state}: ${reason}`,
    fields: { source, before, state, reason },
  });
}

function ignoreSignal(): void {}
