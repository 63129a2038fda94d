/** `warpwatch up`: agent, collector and console in one process on one machine, and what they see on the terminal. */
import {
  agentConfigFromFlags,
  withPlace,
  type AgentConfig,
  type FlagValues,
} from "../agent/config.ts";
import { collectorFlags as familyFlags } from "../agent/collector-flags.ts";
import { agentFlags } from "../agent/flags.ts";
import { startAgent, type Agent } from "../agent/main.ts";
import type { Sampler } from "../agent/sampler.ts";
import { realSources } from "../agent/sources/all.ts";
import type { CollectorConfig } from "../collector/config.ts";
import type { NodeOverview, Overview } from "../collector/console/overview.ts";
import { startCollector, type Collector } from "../collector/main.ts";
import { every, sleep } from "../core/kit/clock.ts";
import type { Env } from "../core/kit/env.ts";
import { createLog, type Log } from "../core/kit/log.ts";
import { version } from "../core/kit/version.ts";
import type { Fleet } from "../simulator/fleet.ts";
import { createAlertLines } from "./alert-lines.ts";
import {
  collectorConfigFromFlags,
  collectorFlags,
  levelOf,
  tellCautions,
  textOf,
} from "./collector.ts";
import type { Command, FlagTable } from "./command.ts";
import { startOtherNodes } from "./fleet-nodes.ts";
import { whenAborted } from "./process.ts";
import { injectInto, syntheticFleet, syntheticSources, syntheticStateFolder } from "./synthetic.ts";
import { syntheticFlags, wantsSynthetic } from "./synthetic-flags.ts";
import type { Terminal } from "./terminal.ts";
import { reportText } from "./up-report.ts";

const flags = {
  ...syntheticFlags,
  "config.file": collectorFlags["config.file"],
  "agent.listen-address": {
    ...agentFlags["web.listen-address"],
    help: "Where metrics are served.",
  },
  "collector.listen-address": {
    ...collectorFlags["web.listen-address"],
    help: "Where the console and the API are served. Zipkin has the same port.",
  },
  "state.folder": {
    ...agentFlags["state.folder"],
    help: "Where alerts, waiting notifications, the token and the control socket are kept, for this user only.",
  },
  "node.name": agentFlags["node.name"],
  "place.file": agentFlags["place.file"],
  "path.procfs": agentFlags["path.procfs"],
  "path.sysfs": agentFlags["path.sysfs"],
  "path.rootfs": agentFlags["path.rootfs"],
  "log.level": { ...agentFlags["log.level"], default: "warn" },
  ...familyFlags,
} as const satisfies FlagTable;

/** What `up` shares with the agent under the same name. */
const agentsOwn = [
  "node.name",
  "place.file",
  "path.procfs",
  "path.sysfs",
  "path.rootfs",
  ...Object.keys(familyFlags),
];

/** Long enough for two samples, whose difference says how busy the processors are. */
const readingsMilliseconds = 5000;
const overviewPeriodMilliseconds = 250;
const alertPeriodMilliseconds = 250;

export interface Running {
  readonly collector: Collector;
  readonly agent: Agent;
  readonly others: readonly Sampler[];
}

export const upCommand: Command = {
  operands: "",
  description:
    "Starts an agent and a collector with embedded stores on loopback, prints what it found, then a line for every alert " +
    "that fires or resolves. With --synthetic it watches a simulated fleet instead, on which warpwatch inject plays faults.",
  flags,
  async run({ flags: given, env, terminal, signal }) {
    const fleet = wantsSynthetic(given) ? syntheticFleet(given, env) : null;
    const collectorConfig = collectorConfigFromFlags(given, "collector.listen-address");
    const agentConfig = await withPlace(agentConfigOf(given, env, fleet));
    const log = createLog({
      clock: env.clock,
      level: levelOf(given, flags["log.level"].default),
      write: (line) => terminal.complain(line.trimEnd()),
    });
    tellCautions(given, log);
    const running = await startAll({ env, log, fleet, agentConfig, collectorConfig });
    try {
      const nodes = await firstReadings(running.collector, env, signal);
      terminal.print(
        reportText(
          {
            version,
            node: agentConfig.node || env.node,
            sources: running.agent.status(),
            nodes,
            isSynthetic: fleet !== null,
            rules: collectorConfig.rules.length,
            notifiers: collectorConfig.notifiers.map(({ name }) => name),
            agentPage: `${running.agent.address}/`,
            addresses: addressesOf(running, agentConfig, terminal),
          },
          terminal,
        ),
      );
      await followAlerts(running.collector, env, terminal, signal);
    } finally {
      await stopAll(running);
    }
    return 0;
  },
};

function agentConfigOf(given: FlagValues, env: Env, fleet: Fleet | null): AgentConfig {
  const address = textOf(given, "agent.listen-address") || flags["agent.listen-address"].default;
  const shared = agentsOwn.flatMap((name) => (name in given ? [[name, given[name]]] : []));
  const config = agentConfigFromFlags(
    {
      ...(Object.fromEntries(shared) as FlagValues),
      "web.listen-address": address,
      ...(textOf(given, "state.folder") === "" ? {} : { "state.folder": given["state.folder"] }),
    },
    env.variables,
  );
  if (fleet === null) return config;
  const isGiven = textOf(given, "state.folder") !== "";
  return {
    ...config,
    node: config.node || (fleet.nodes[0]?.name ?? ""),
    stateFolder: isGiven ? config.stateFolder : syntheticStateFolder(config.stateFolder),
  };
}

export interface StartOptions {
  readonly env: Env;
  readonly log: Log;
  readonly fleet: Fleet | null;
  readonly agentConfig: AgentConfig;
  readonly collectorConfig: CollectorConfig;
}

/** The collector first: what the agent's first frame shows is judged already. */
export async function startAll(options: StartOptions): Promise<Running> {
  const { env, log, fleet, agentConfig, collectorConfig } = options;
  const collector = await startCollector({
    env,
    log,
    config: collectorConfig,
    defaultStateFolder: agentConfig.stateFolder,
  });
  try {
    const { frameSink, eventSink } = collector;
    const common = {
      env,
      log,
      config: agentConfig,
      frameSinks: [frameSink],
      eventSinks: [eventSink],
    };
    if (fleet === null) {
      const agent = await startAgent({ ...common, sources: realSources(agentConfig.collectors) });
      return { collector, agent, others: [] };
    }
    const agent = await startAgent({
      ...common,
      sources: syntheticSources(fleet, 0),
      inject: (fault) => injectInto(fleet, fault),
    });
    const others = await startOtherNodes({
      fleet,
      config: agentConfig,
      env,
      log,
      frameSink,
      eventSink,
    });
    return { collector, agent, others };
  } catch (thrown) {
    await collector.stop();
    throw thrown;
  }
}

export async function stopAll({ collector, agent, others }: Running): Promise<void> {
  for (const sampler of others) sampler.stop();
  await agent.stop();
  await collector.stop();
}

/** What the collector's own API tells, asked until the processors' share is known or the time is up. */
async function firstReadings(
  collector: Collector,
  env: Env,
  signal: AbortSignal,
): Promise<readonly NodeOverview[]> {
  const deadline = env.clock.monotonic() + readingsMilliseconds;
  let nodes: readonly NodeOverview[] = [];
  while (!signal.aborted && env.clock.monotonic() < deadline) {
    const response = await fetch(`${collector.address}/api/v1/overview`, {
      headers: { authorization: `Bearer ${collector.token.token}` },
      signal: AbortSignal.timeout(readingsMilliseconds),
    }).catch(() => null);
    // Its own certificate need not be for this machine's loopback: then there is nothing to show first.
    if (response === null) break;
    ({ nodes } = (await response.json()) as Overview);
    if (nodes.length > 0 && nodes.every(({ cpuBusyRatio }) => cpuBusyRatio !== null)) break;
    await sleep(env.clock, overviewPeriodMilliseconds, signal);
  }
  return nodes;
}

/** The token stands in the address only where a person reads it: a journal or a file would keep it for others. */
function addressesOf(
  { agent, collector }: Running,
  { telemetryPath }: AgentConfig,
  terminal: Terminal,
): { title: string; url: string }[] {
  const { token, file } = collector.token;
  const console = terminal.interactive
    ? `${collector.address}/#token=${token}`
    : `${collector.address}/ (its token is in ${file})`;
  return [
    { title: "console", url: console },
    { title: "metrics", url: `${agent.address}${telemetryPath}` },
    { title: "verdicts", url: `${collector.address}/metrics` },
  ];
}

async function followAlerts(
  collector: Collector,
  env: Env,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const lines = createAlertLines(terminal);
  const tell = (): void => {
    for (const line of lines.since(collector.alerts(), env.clock.now())) terminal.print(line);
  };
  tell();
  const timer = every(env.clock, alertPeriodMilliseconds, tell);
  await whenAborted(signal);
  timer.cancel();
  tell();
}
