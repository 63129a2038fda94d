/** The other nodes of a synthetic fleet: each sampled in this process and handed to the collector, without a server of its own. */
import type { AgentConfig } from "../agent/config.ts";
import { createAgentEvents, type EventReceiver } from "../agent/events.ts";
import { createHolders } from "../agent/attribution/holders.ts";
import { createGpuDirectory } from "../agent/gpu-directory.ts";
import { createProbes } from "../agent/probes/process.ts";
import { createSampler, type Sampler } from "../agent/sampler.ts";
import type { Device } from "../core/catalog/device.ts";
import type { Env } from "../core/kit/env.ts";
import type { Log } from "../core/kit/log.ts";
import type { FrameSink } from "../core/wire/frame.ts";
import type { Fleet } from "../simulator/fleet.ts";
import { syntheticSources } from "./synthetic.ts";

export interface FleetNodesOptions {
  readonly fleet: Fleet;
  readonly config: AgentConfig;
  readonly env: Env;
  readonly log: Log;
  readonly frameSink: FrameSink;
  readonly eventSink: EventReceiver;
}

/** Starts every node but the first, which is the agent's own. */
export async function startOtherNodes(options: FleetNodesOptions): Promise<readonly Sampler[]> {
  const samplers = options.fleet.nodes
    .map(({ device }, node) => ({ device, node }))
    .slice(1)
    .map(({ device, node }) => createNodeSampler(options, device, node));
  await Promise.all(samplers.map((sampler) => sampler.start()));
  return samplers;
}

function createNodeSampler(options: FleetNodesOptions, host: Device, index: number): Sampler {
  const { fleet, config, log } = options;
  const { node } = host;
  const env: Env = { ...options.env, node };
  const boot = env.randomId();
  const receivers = [options.eventSink];
  const events = createAgentEvents({ node, boot, log, receivers });
  const { job, listen } = config;
  return createSampler({
    config: config.sampling,
    context: {
      env,
      log,
      events,
      host,
      probes: createProbes(env, log),
      gpus: createGpuDirectory(),
      holders: createHolders(),
      stateFolder: "",
    },
    origin: { node, job, instance: `${node}:${listen.port}`, boot },
    host,
    sources: syntheticSources(fleet, index),
    sinks: [options.frameSink],
  });
}
