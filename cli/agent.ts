/** `warpwatch agent`: measures one node and serves what it measured. */
import { collectorFlags } from "../agent/collector-flags.ts";
import { agentConfigFromFlags, withPlace, type FlagValues } from "../agent/config.ts";
import { agentFlags } from "../agent/flags.ts";
import { startAgent, type AgentOptions } from "../agent/main.ts";
import { realSources } from "../agent/sources/all.ts";
import { createLog } from "../core/kit/log.ts";
import type { Command } from "./command.ts";
import { onReload, whenAborted } from "./process.ts";
import { syntheticFlags, wantsSynthetic } from "./synthetic-flags.ts";

export const agentCommand: Command = {
  operands: "",
  description:
    "Reads the machine's processors, memory, disks, filesystems, network and GPUs and serves them under the names of " +
    "node_exporter and dcgm-exporter. Logs go to stderr, one JSON object a line. SIGHUP tries absent and down sources again.",
  flags: { ...agentFlags, ...collectorFlags, ...syntheticFlags },
  reloads: true,
  async run({ flags, env, signal }) {
    const config = await withPlace(agentConfigFromFlags(withoutSynthetic(flags), env.variables));
    const log = createLog({ clock: env.clock, level: config.logLevel });
    const agent = await startAgent(
      wantsSynthetic(flags)
        ? await syntheticOptions(flags, { env, log, config })
        : { env, log, config, sources: realSources(config.collectors) },
    );
    const forget = onReload(() => agent.reload());
    await whenAborted(signal);
    forget();
    await agent.stop();
    return 0;
  },
};

async function syntheticOptions(
  flags: FlagValues,
  { env, log, config }: Omit<AgentOptions, "sources">,
): Promise<AgentOptions> {
  const { injectInto, syntheticFleet, syntheticSources } = await import("./synthetic.ts");
  const fleet = syntheticFleet(flags, env);
  return {
    env,
    log,
    config: { ...config, node: config.node || (fleet.nodes[0]?.name ?? "") },
    sources: syntheticSources(fleet, 0),
    inject: (fault) => injectInto(fleet, fault),
  };
}

/** The flags that the agent itself knows. */
export function withoutSynthetic(flags: FlagValues): FlagValues {
  return Object.fromEntries(
    Object.entries(flags).filter(([name]) => !Object.hasOwn(syntheticFlags, name)),
  );
}
