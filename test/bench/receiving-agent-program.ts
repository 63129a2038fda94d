/** The agent by its own flags, and a receiver that takes its frames, so that it samples by itself and not only when it is scraped. */
import { parseArgs } from "node:util";
import { collectorFlags } from "../../agent/collector-flags.ts";
import { agentConfigFromFlags } from "../../agent/config.ts";
import { agentFlags, type Flag } from "../../agent/flags.ts";
import { startAgent } from "../../agent/main.ts";
import { realSources } from "../../agent/sources/all.ts";
import { keepHeapSmall } from "../../cli/small-heap.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";

// As the command line has it.
keepHeapSmall();
const flags: Readonly<Record<string, Flag>> = { ...agentFlags, ...collectorFlags };
const { values } = parseArgs({ options: flags });
const env = createEnv();
const config = agentConfigFromFlags(values, env.variables);
const agent = await startAgent({
  env,
  log: createLog({ clock: env.clock, level: "error" }),
  config,
  sources: realSources(config.collectors),
  frameSinks: [{ accept: () => undefined }],
});
process.once("SIGTERM", () => void agent.stop());
