/** `warpwatch demo`: a synthetic fleet with a script of faults, watched by the whole product in this process, told line by line. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentConfigFromFlags, parseListenAddress, type FlagValues } from "../agent/config.ts";
import { agentFlags } from "../agent/flags.ts";
import { collectorSchema } from "../collector/config.ts";
import type { Overview } from "../collector/console/overview.ts";
import type { Collector } from "../collector/main.ts";
import { sleep } from "../core/kit/clock.ts";
import type { Env } from "../core/kit/env.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import { createLog } from "../core/kit/log.ts";
import { version } from "../core/kit/version.ts";
import type { Fleet } from "../simulator/fleet.ts";
import { collectorFlags, levelOf, textOf } from "./collector.ts";
import type { Command, FlagTable } from "./command.ts";
import { startPager } from "./demo/pager.ts";
import { createLateClock } from "./demo/late-clock.ts";
import { createStory, type Story } from "./demo/story.ts";
import { syntheticFlags } from "./synthetic-flags.ts";
import { syntheticFleet } from "./synthetic.ts";
import type { Terminal } from "./terminal.ts";
import { startAll, stopAll, type Running } from "./up.ts";

const flags = {
  minutes: {
    type: "string",
    default: "6",
    value: "number",
    help: "How long it plays; the script of faults lasts fourteen.",
  },
  "synthetic.scenario": {
    ...syntheticFlags["synthetic.scenario"],
    default: "demo",
  },
  // With this one a single job runs on all GPUs until the script ends it: nothing else moves the temperatures.
  "synthetic.seed": { ...syntheticFlags["synthetic.seed"], default: "3" },
  "agent.listen-address": {
    ...agentFlags["web.listen-address"],
    help: "Where metrics are served.",
  },
  "collector.listen-address": {
    ...collectorFlags["web.listen-address"],
    help: "Where the console and the API are served.",
  },
  "log.level": { ...agentFlags["log.level"], default: "error" },
} as const satisfies FlagTable;

const gpus = 16;
const longestMinutes = 60;
const pollMilliseconds = 500;
/** What is unusual can only be told by who knows what is usual: the fleet has a sound past, lived in a few seconds. */
const pastMilliseconds = 8 * 60_000;
const chartMilliseconds = 15_000;
const answerMilliseconds = 5000;

export const demoCommand: Command = {
  operands: "",
  description:
    `Plays a script of faults on a synthetic fleet of ${gpus} GPUs on 2 nodes and tells what the detectors find, which alerts fire ` +
    "and what a pager on loopback receives. The console is open meanwhile. Leaves nothing behind.",
  flags,
  async run({ flags: given, env: realEnv, terminal, signal }) {
    const minutes = minutesOf(given);
    const folder = mkdtempSync(join(tmpdir(), "warpwatch-demo-"));
    const clock = createLateClock(realEnv.clock, pastMilliseconds);
    const env: Env = { ...realEnv, clock };
    // The script's times count from the end of the past.
    const started = clock.monotonic() + pastMilliseconds;
    const story = createStory(terminal, () => clock.monotonic() - started);
    const fleet = fleetOf(given, env);
    const pager = await startPager((page) => {
      // What broke is told before what it led to.
      for (const line of [...story.faults(fleet), story.page(page)]) terminal.print(line);
    });
    try {
      const running = await start(given, env, terminal, { fleet, folder, pagerUrl: pager.url });
      try {
        terminal.print(opening(running.collector, minutes, terminal));
        const until = started + minutes * 60_000;
        await clock.catchUp(signal);
        await tell({ collector: running.collector, fleet, story, env, terminal, signal, until });
        terminal.print(closing(terminal));
      } finally {
        await stopAll(running);
      }
    } finally {
      pager.close();
      rmSync(folder, { recursive: true, force: true });
    }
    return 0;
  },
};

function minutesOf(given: FlagValues): number {
  const text = textOf(given, "minutes") || flags.minutes.default;
  const minutes = Number(text);
  if (minutes > 0 && minutes <= longestMinutes) return minutes;
  throw new WarpwatchError(
    "FLAG_INVALID",
    `--minutes: "${text}" is not a number of minutes up to ${longestMinutes}`,
  );
}

function fleetOf(given: FlagValues, env: Env): Fleet {
  const settings = {
    "synthetic.gpus": String(gpus),
    "synthetic.scenario":
      textOf(given, "synthetic.scenario") || flags["synthetic.scenario"].default,
    "synthetic.seed": textOf(given, "synthetic.seed") || flags["synthetic.seed"].default,
  };
  return syntheticFleet(settings, env, pastMilliseconds);
}

function start(
  given: FlagValues,
  env: Env,
  terminal: Terminal,
  made: { readonly fleet: Fleet; readonly folder: string; readonly pagerUrl: string },
): Promise<Running> {
  const { fleet, folder, pagerUrl } = made;
  const log = createLog({
    clock: env.clock,
    level: levelOf(given, flags["log.level"].default),
    write: (line) => terminal.complain(line.trimEnd()),
  });
  const address = (flag: "agent.listen-address" | "collector.listen-address"): string =>
    textOf(given, flag) || flags[flag].default;
  const agentConfig = agentConfigFromFlags(
    {
      "web.listen-address": address("agent.listen-address"),
      "state.folder": folder,
      "node.name": fleet.nodes[0]?.name ?? "",
    },
    env.variables,
  );
  const notifiers = [
    {
      type: "pagerduty",
      name: "pager",
      url: pagerUrl,
      routing_key: env.randomId().replaceAll("-", ""),
    },
  ];
  const listen = parseListenAddress(
    "collector.listen-address",
    address("collector.listen-address"),
  );
  const collectorConfig = { ...collectorSchema.parse({ notifiers }), listen };
  return startAll({ env, log, fleet, agentConfig, collectorConfig });
}

function opening(collector: Collector, minutes: number, terminal: Terminal): string {
  return [
    `${terminal.paint("strong", `Warpwatch ${version}`)} watches a synthetic fleet break: ${gpus} GPUs on 2 nodes, for ${minutes} minutes.`,
    "Nothing here is measured; everything else is the product as it ships. First it learns what is usual, from eight sound minutes.",
    "",
    `  console  ${terminal.paint("strong", `${collector.address}/#token=${collector.token.token}`)}`,
    "",
  ].join("\n");
}

function closing(terminal: Terminal): string {
  return [
    "",
    `${terminal.paint("strong", "That was the demo.")} Your own machine:  warpwatch up`,
    "A fleet to break yourself:  warpwatch up --synthetic, then  warpwatch inject",
  ].join("\n");
}

interface Telling {
  readonly collector: Collector;
  readonly fleet: Fleet;
  readonly story: Story;
  readonly env: Env;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** On the steady clock. */
  readonly until: number;
}

/** Asks the collector what everybody can ask it, until the time is up. */
async function tell(telling: Telling): Promise<void> {
  const { collector, fleet, story, env, terminal, signal, until } = telling;
  let chartAt = env.clock.monotonic();
  while (!signal.aborted && env.clock.monotonic() < until) {
    const overview = await askOverview(collector);
    const lines = [...story.faults(fleet), ...story.findings(overview), ...story.alerts(overview)];
    if (env.clock.monotonic() >= chartAt) {
      lines.push(story.chart(overview));
      chartAt += chartMilliseconds;
    }
    for (const line of lines) terminal.print(line);
    await sleep(env.clock, pollMilliseconds, signal);
  }
}

async function askOverview({ address, token }: Collector): Promise<Overview> {
  const response = await fetch(`${address}/api/v1/overview`, {
    headers: { authorization: `Bearer ${token.token}` },
    signal: AbortSignal.timeout(answerMilliseconds),
  });
  return (await response.json()) as Overview;
}
