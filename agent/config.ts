/** The agent's settings: their defaults, the flags that set them, and the file that says where the node stands. */
import { join } from "node:path";
import { nowhere, type Place } from "../core/catalog/device.ts";
import { parseDuration } from "../core/kit/duration.ts";
import { defaultPaths, type HostPaths } from "../core/kit/env.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import type { LogLevel } from "../core/kit/log.ts";
import { otlpUrl } from "../core/wire/otlp-url.ts";
import {
  chooseCollectors,
  collectorFlags,
  defaultCollectors,
  type CollectorChoice,
} from "./collector-flags.ts";
import { agentFlags, type AgentFlag, type Flag } from "./flags.ts";
import type { OtlpConfig } from "./otlp/export.ts";
import type { PushConfig } from "./push/pusher.ts";
import type { SamplerConfig } from "./sampler.ts";

export interface AgentConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly telemetryPath: string;
  /** Where node_exporter's subset is served too; null where it isn't asked for. */
  readonly nodeExporter: { readonly host: string; readonly port: number } | null;
  /** The same for dcgm-exporter's. */
  readonly dcgmExporter: { readonly host: string; readonly port: number } | null;
  /** Names by which the server may be called beside its own addresses. */
  readonly hostNames: readonly string[];
  /** Empty: the state folder's own token. */
  readonly tokenFile: string;
  /** Prometheus' web configuration file; empty: plain HTTP, without names and passwords. */
  readonly webConfigFile: string;
  readonly paths: HostPaths;
  /** Empty: the machine's host name. */
  readonly node: string;
  /** Prometheus' job of the samples. */
  readonly job: string;
  readonly stateFolder: string;
  readonly place: Place;
  /** The file that `place` was read from; empty when there is none. */
  readonly placeFile: string;
  readonly sampling: SamplerConfig;
  readonly collectors: CollectorChoice;
  readonly logLevel: LogLevel;
  /** null: nothing is sent anywhere. */
  readonly push: PushConfig | null;
  /** null: nothing is sent by OTLP. */
  readonly otlp: OtlpConfig | null;
}

export type FlagValues = Readonly<
  Record<string, string | boolean | readonly (string | boolean)[] | undefined>
>;

export const defaultAgentConfig: AgentConfig = {
  listen: { host: "127.0.0.1", port: 9410 },
  telemetryPath: "/metrics",
  nodeExporter: null,
  dcgmExporter: null,
  hostNames: [],
  tokenFile: "",
  webConfigFile: "",
  paths: defaultPaths,
  node: "",
  job: "warpwatch",
  stateFolder: "",
  place: nowhere,
  placeFile: "",
  sampling: {
    periodMilliseconds: {
      fast: 1000,
      steady: 15_000,
      "slow-kernel": 15_000,
      inventory: 3_600_000,
    },
    // Just under a second: the tick after a read that hangs shows it.
    timeoutMilliseconds: { fast: 900, steady: 5000, "slow-kernel": 10_000, inventory: 60_000 },
    openTimeoutMilliseconds: 10_000,
    maximumSeriesPerSource: 10_000,
    maximumConcurrentRounds: 8,
  },
  collectors: defaultCollectors,
  logLevel: "info",
  push: null,
  otlp: null,
};

const smallestSpoolBytes = 131_072;
const shortestPeriodMilliseconds = 100;
const longestPeriodMilliseconds = 86_400_000;
const reservedPaths: ReadonlySet<string> = new Set(["/", "/-/healthy", "/-/ready"]);

/** Settings from flags as `node:util`'s parseArgs gives them, still without the place; throws FLAG_INVALID with the flag's name. */
export function agentConfigFromFlags(
  flags: FlagValues,
  variables: Readonly<Record<string, string | undefined>>,
): AgentConfig {
  for (const name of Object.keys(flags))
    if (!Object.hasOwn(agentFlags, name) && !Object.hasOwn(collectorFlags, name))
      refuse(name, "there is no such flag");
  const defaults = defaultAgentConfig;
  const text = (name: AgentFlag): string => textOf(flags, name);
  const period = (name: AgentFlag): number => periodOf(name, text(name));
  const fast = period("sampling.fast-period");
  return {
    listen: parseListenAddress("web.listen-address", text("web.listen-address")),
    telemetryPath: telemetryPathOf(text("web.telemetry-path")),
    nodeExporter: optionalAddress("compat.node-exporter", text("compat.node-exporter")),
    dcgmExporter: optionalAddress("compat.dcgm-exporter", text("compat.dcgm-exporter")),
    hostNames: listOf(flags, "web.host"),
    tokenFile: text("web.token-file"),
    webConfigFile: text("web.config.file"),
    paths: {
      procfs: text("path.procfs"),
      sysfs: text("path.sysfs"),
      rootfs: text("path.rootfs"),
    },
    node: text("node.name"),
    job: defaults.job,
    stateFolder: text("state.folder") || defaultStateFolder(variables),
    place: nowhere,
    placeFile: text("place.file"),
    sampling: {
      ...defaults.sampling,
      periodMilliseconds: {
        fast,
        steady: Math.max(fast, period("sampling.steady-period")),
        "slow-kernel": Math.max(fast, period("sampling.slow-period")),
        inventory: Math.max(fast, period("sampling.inventory-period")),
      },
      maximumSeriesPerSource: countOf("sampling.max-series", text("sampling.max-series")),
    },
    collectors: chooseCollectors(flags),
    logLevel: levelOf(text("log.level")),
    push: pushConfigOf(text, text("state.folder") || defaultStateFolder(variables)),
    otlp: otlpConfigOf(text),
  };
}

function pushConfigOf(text: (name: AgentFlag) => string, stateFolder: string): PushConfig | null {
  const address = text("push.url");
  if (address === "") return null;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "")
    refuse("push.url", `"${address}" is not an address; write it as https://collector:9411`);
  const tokenFile = text("push.token-file");
  if (tokenFile === "") refuse("push.token-file", "is needed with --push.url");
  const certificateFile = text("push.cert-file");
  const keyFile = text("push.key-file");
  if ((certificateFile === "") !== (keyFile === ""))
    refuse("push.cert-file", "and --push.key-file are needed both, or neither");
  const bytes = text("push.spool-bytes");
  if (!/^\d{1,15}$/.test(bytes) || (Number(bytes) > 0 && Number(bytes) < smallestSpoolBytes))
    refuse("push.spool-bytes", `"${bytes}" is neither 0 nor ${smallestSpoolBytes} or more`);
  return {
    url,
    tokenFile,
    // Spelled out: whoever doesn't push shall not load TLS for a constant.
    tls: {
      authorityFile: text("push.ca-file"),
      certificateFile,
      keyFile,
      serverName: "",
      insecureSkipVerify: false,
    },
    spoolFolder: text("push.spool-folder") || join(stateFolder, "spool"),
    spoolBytes: Number(bytes),
  };
}

function otlpConfigOf(text: (name: AgentFlag) => string): OtlpConfig | null {
  const address = text("otlp.endpoint");
  if (address === "") return null;
  if (!URL.canParse(address) || !/^https?:\/\//.test(address) || /^[^/]*\/\/[^/]*@/.test(address))
    refuse(
      "otlp.endpoint",
      `"${address}" is not an address; write it as http://otel-collector:4318`,
    );
  const intervalMilliseconds = periodOf("otlp.interval", text("otlp.interval"));
  if (intervalMilliseconds < 1000) refuse("otlp.interval", "must be 1s or more");
  const compression = text("otlp.compression");
  if (compression !== "gzip" && compression !== "none")
    refuse("otlp.compression", `"${compression}" is neither gzip nor none`);
  const bytes = text("otlp.queue-bytes");
  if (!/^\d{5,10}$/.test(bytes))
    refuse("otlp.queue-bytes", `"${bytes}" is not a number of bytes from 10000`);
  return {
    url: otlpUrl(address),
    tokenFile: text("otlp.token-file"),
    headersFile: text("otlp.headers-file"),
    authorityFile: text("otlp.ca-file"),
    intervalMilliseconds,
    compression,
    queueBytes: Number(bytes),
  };
}

/** `host:port`, `:port` for every address, `[::1]:port`. Throws FLAG_INVALID with the flag's name. */
export function parseListenAddress(
  flag: string,
  text: string,
): { readonly host: string; readonly port: number } {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]*):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2] ?? Number.NaN);
  if (!match || !(port <= 65_535))
    refuse(flag, `"${text}" is not an address; write it as 127.0.0.1:9410, :9410 or [::1]:9410`);
  const host = (match[1] ?? "").replaceAll(/[[\]]/g, "");
  return { host: host === "" ? "::" : host, port };
}

function optionalAddress(flag: AgentFlag, text: string): AgentConfig["nodeExporter"] {
  return text === "" ? null : parseListenAddress(flag, text);
}

/** The same with the place that its file tells. Throws a ConfigError that names file, line and key. */
export async function withPlace(config: AgentConfig): Promise<AgentConfig> {
  if (config.placeFile === "") return config;
  // Reading YAML takes 10 MB that an agent without such a file keeps.
  const { loadPlace } = await import("./place.ts");
  return { ...config, place: loadPlace(config.placeFile) };
}

/** systemd's folder where it gives one, root's or the user's otherwise. */
export function defaultStateFolder(
  variables: Readonly<Record<string, string | undefined>>,
): string {
  const given = variables["STATE_DIRECTORY"]?.split(":")[0];
  if (given) return given;
  const home = variables["XDG_STATE_HOME"] || join(variables["HOME"] || "/", ".local/state");
  return process.getuid?.() === 0 ? "/var/lib/warpwatch" : join(home, "warpwatch");
}

function refuse(flag: string, sentence: string): never {
  throw new WarpwatchError("FLAG_INVALID", `--${flag}: ${sentence}`);
}

function textOf(flags: FlagValues, name: AgentFlag): string {
  const flag: Flag = agentFlags[name];
  const value = flags[name] ?? flag.default;
  if (typeof value !== "string") refuse(name, "needs one value");
  return value;
}

function listOf(flags: FlagValues, name: AgentFlag): string[] {
  const value = flags[name] ?? [];
  const values = Array.isArray(value) ? value : [value];
  return values.map((one) => {
    if (typeof one !== "string" || !/^[a-z0-9._:[\]-]+$/i.test(one))
      refuse(name, `"${String(one)}" is not a host name`);
    return one;
  });
}

function periodOf(name: AgentFlag, text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === null) refuse(name, `"${text}" is not a duration; write it as 100ms or 15s`);
  if (milliseconds < shortestPeriodMilliseconds || milliseconds > longestPeriodMilliseconds)
    refuse(name, `${text} is outside 100ms to 1d`);
  return milliseconds;
}

function countOf(name: AgentFlag, text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 1_000_000)
    refuse(name, `"${text}" is not a whole number from 1 to 1000000`);
  return count;
}

function telemetryPathOf(text: string): string {
  if (!/^\/[\w./-]*$/.test(text) || text.includes("//") || text.split("/").some(isDots))
    refuse("web.telemetry-path", `"${text}" is not a path; write it as /metrics`);
  if (reservedPaths.has(text)) refuse("web.telemetry-path", `${text} is taken`);
  return text;
}

function isDots(segment: string): boolean {
  return segment === "." || segment === "..";
}

function levelOf(text: string): LogLevel {
  if (text === "debug" || text === "info" || text === "warn" || text === "error") return text;
  return refuse("log.level", `"${text}" is not debug, info, warn or error`);
}
