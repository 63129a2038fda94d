/** `warpwatch collector`: judges what agents and exporters measured, and tells people. */
import { defaultStateFolder, parseListenAddress, type FlagValues } from "../agent/config.ts";
import {
  defaultCollectorConfig,
  cautionsAbout,
  loadCollectorConfig,
  type CollectorConfig,
} from "../collector/config.ts";
import { startCollector } from "../collector/main.ts";
import { formatIssue } from "../core/kit/config.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import { createLog, type Log, type LogLevel } from "../core/kit/log.ts";
import type { Command, FlagTable } from "./command.ts";
import { whenAborted } from "./process.ts";

export const collectorFlags = {
  "config.file": {
    type: "string",
    default: "",
    value: "file",
    help: "YAML file with targets, rules and notifiers; docs/configuration.md tells what may be in it.",
  },
  "web.listen-address": {
    type: "string",
    default: "127.0.0.1:9411",
    value: "host:port",
    help: "Address of the console and the API; overrides the file's. Zipkin has the same port.",
  },
  "state.folder": {
    type: "string",
    default: "",
    value: "folder",
    help: "Where alerts, waiting notifications and the token are kept, for this user only.",
  },
  "log.level": {
    type: "string",
    default: "info",
    value: "level",
    help: "The least severe lines to write: debug, info, warn or error.",
  },
} as const satisfies FlagTable;

export const collectorCommand: Command = {
  operands: "",
  description:
    "Scrapes the targets of its configuration, runs the rules on every frame, keeps alerts and notifications on disk " +
    "until they are delivered, and serves the console and the API. Logs go to stderr, one JSON object a line.",
  flags: collectorFlags,
  async run({ flags, env, signal }) {
    const config = collectorConfigFromFlags(flags, "web.listen-address");
    const log = createLog({
      clock: env.clock,
      level: levelOf(flags, collectorFlags["log.level"].default),
    });
    tellCautions(flags, log);
    const collector = await startCollector({
      env,
      log,
      config,
      defaultStateFolder: textOf(flags, "state.folder") || defaultStateFolder(env.variables),
    });
    if (collector.token.created)
      log.info("a token for the console and the API was made: it is in the file", {
        file: collector.token.file,
      });
    if (collector.pushToken.created)
      log.info("a token for agents that push was made: copy the file to the nodes", {
        file: collector.pushToken.file,
      });
    log.info("the collector serves the console and the API", {
      address: collector.address,
      rules: config.rules.length,
      jobs: config.scrape.length,
      notifiers: config.notifiers.length,
    });
    await whenAborted(signal);
    await collector.stop();
    return 0;
  },
};

/** The file's configuration, or the one without a file, listening where the flag says. */
export function collectorConfigFromFlags(flags: FlagValues, listenFlag: string): CollectorConfig {
  const file = textOf(flags, "config.file");
  const config = file === "" ? defaultCollectorConfig() : loadCollectorConfig(file);
  const address = textOf(flags, listenFlag);
  const stateFolder = textOf(flags, "state.folder") || config.stateFolder;
  const listen = address === "" ? config.listen : parseListenAddress(listenFlag, address);
  return { ...config, listen, stateFolder };
}

/** One line each for what is valid in the file and isn't what it looks like. */
export function tellCautions(flags: FlagValues, log: Log): void {
  const file = textOf(flags, "config.file");
  if (file === "") return;
  for (const caution of cautionsAbout(file)) log.warn(formatIssue(caution));
}

export function levelOf(flags: FlagValues, standIn: LogLevel): LogLevel {
  const text = textOf(flags, "log.level") || standIn;
  if (text === "debug" || text === "info" || text === "warn" || text === "error") return text;
  throw new WarpwatchError(
    "FLAG_INVALID",
    `--log.level: "${text}" is not debug, info, warn or error`,
  );
}

/** Empty when the flag wasn't given. */
export function textOf(flags: FlagValues, name: string): string {
  const value = flags[name];
  return typeof value === "string" ? value : "";
}
