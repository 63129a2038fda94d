/** `warpwatch agent`: measures one node and serves what it measured. */
import { agentConfigFromFlags, type FlagValues } from "../agent/config.ts";
import { agentFlags } from "../agent/flags.ts";
import { startAgent } from "../agent/main.ts";
import { realSources } from "../agent/sources/all.ts";
import { createLog } from "../core/kit/log.ts";
import type { Command } from "./command.ts";
import { onReload, whenAborted } from "./process.ts";
import { injectInto, syntheticFlags, syntheticFleet, syntheticSources } from "./synthetic.ts";

export const agentCommand: Command = {
  operands: "",
  description:
    "Reads the machine's processors, memory, disks, filesystems, network and GPUs and serves them under the names of " +
    "node_exporter and dcgm-exporter. Logs go to stderr, one JSON object a line. SIGHUP tries absent and down sources again.",
  flags: { ...agentFlags, ...syntheticFlags },
  reloads: true,
  async run({ flags, env, signal }) {
    const config = agentConfigFromFlags(withoutSynthetic(flags), env.variables);
    const fleet = syntheticFleet(flags, env);
    const log = createLog({ clock: env.clock, level: config.logLevel });
    const agent = await startAgent(
      fleet === null
        ? { env, log, config, sources: realSources() }
        : {
            env,
            log,
            config: { ...config, node: config.node || (fleet.nodes[0]?.name ?? "") },
            sources: syntheticSources(fleet, 0),
            inject: (fault) => injectInto(fleet, fault),
          },
    );
    const forget = onReload(() => agent.reload());
    await whenAborted(signal);
    forget();
    await agent.stop();
    return 0;
  },
};

/** The flags that the agent itself knows. */
export function withoutSynthetic(flags: FlagValues): FlagValues {
  return Object.fromEntries(
    Object.entries(flags).filter(([name]) => !Object.hasOwn(syntheticFlags, name)),
  );
}
