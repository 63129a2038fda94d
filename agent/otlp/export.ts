/** The agent's samples as OTLP to a receiver, in a rhythm of their own: each time they are read as for a scrape. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { self } from "../../core/catalog/index.ts";
import type { Env } from "../../core/kit/env.ts";
import { systemCode, WarpwatchError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import { version } from "../../core/kit/version.ts";
import type { Frame } from "../../core/wire/frame.ts";
import type { OtlpSnapshot } from "../../core/wire/otlp-encode.ts";
import {
  otlpDrops,
  otlpOutcomes,
  startOtlpExporter,
  type OtlpExporter,
} from "../../core/wire/otlp-exporter.ts";
import type { AgentReading } from "../sampler-frame.ts";

export interface OtlpConfig {
  readonly url: URL;
  /** Empty: none. */
  readonly tokenFile: string;
  readonly headersFile: string;
  readonly authorityFile: string;
  readonly intervalMilliseconds: number;
  readonly compression: "gzip" | "none";
  readonly queueBytes: number;
}

export interface AgentOtlp {
  readonly readings: readonly AgentReading[];
  /** `read` brings what is cheap up to date. */
  start(read: () => Promise<Frame>): void;
  stop(): Promise<void>;
}

export interface AgentOtlpOptions {
  readonly config: OtlpConfig;
  readonly env: Env;
  readonly log: Log;
  readonly instance: string;
}

/** There is one, so that it needs no name of the operator's. */
const store = "otlp";
const timeoutMilliseconds = 10_000;
const maximumHeaders = 32;

/** Throws STATE_UNUSABLE where headers or authority can't be read. */
export function createAgentOtlp({ config, env, log, instance }: AgentOtlpOptions): AgentOtlp {
  const headers = config.headersFile === "" ? {} : readHeaders(config.headersFile);
  const resource = describeHost(env, instance);
  const counted = new Map<string, number>();
  const count = (key: string, by: number): void =>
    void counted.set(key, (counted.get(key) ?? 0) + by);
  const reading = (
    metric: AgentReading["metric"],
    key: string,
    ...values: string[]
  ): AgentReading => ({
    metric,
    values: [store, ...values],
    read: () => counted.get(key) ?? 0,
  });
  let exporter: OtlpExporter | null = null;
  return {
    readings: [
      reading(self.otlpExportPoints, "sent"),
      reading(self.otlpExportQueueBytes, "queued"),
      ...otlpOutcomes.map((outcome) => reading(self.otlpExportRequests, outcome, outcome)),
      ...otlpDrops.map((reason) => reading(self.otlpExportDropped, `${reason} points`, reason)),
    ],
    start(read) {
      exporter = startOtlpExporter({
        env,
        log,
        endpoint: {
          ...config,
          name: config.url.host,
          tokenFile: config.tokenFile || null,
          authorityFile: config.authorityFile || null,
          headers,
          timeoutMilliseconds,
        },
        intervalMilliseconds: config.intervalMilliseconds,
        resourceOf: () => resource,
        meter: {
          request: (outcome) => count(outcome, 1),
          sent: (points) => count("sent", points),
          dropped: (reason, points) => count(`${reason} points`, points),
          waiting: (bytes) => void counted.set("queued", bytes),
        },
        async *snapshots() {
          yield snapshotOf(await read(), env.clock.now());
        },
      });
      log.info("the agent sends OTLP", { receiver: config.url.host });
    },
    stop: async () => exporter?.close(),
  };
}

/** As a scrape would see it: what is there holds now, however long ago it was read. */
function snapshotOf({ schema, values, present }: Frame, now: number): OtlpSnapshot {
  return {
    key: schema.origin.instance,
    schema,
    values: values.slice(),
    present: present.slice(),
    times: new Float64Array(values.length).fill(now),
  };
}

/** opentelemetry.io/docs/specs/semconv/resource: host, service, k8s. */
function describeHost({ node, paths, variables }: Env, instance: string): Record<string, string> {
  return {
    "service.name": "warpwatch-agent",
    "service.version": version,
    "service.instance.id": instance,
    "host.name": node,
    "host.id": readMachineId(paths.rootfs),
    "k8s.node.name": variables["KUBERNETES_SERVICE_HOST"] ? node : "",
  };
}

function readMachineId(rootfs: string): string {
  try {
    const text = readFileSync(join(rootfs, "etc/machine-id"), "utf8").trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : "";
  } catch {
    return "";
  }
}

/** One header a line, as `x-tenant: gpu`; they may hold keys, so that they aren't flags. */
function readHeaders(file: string): Record<string, string> {
  const headers: Record<string, string> = {};
  readLines(file).forEach((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const [, name = "", value = ""] =
      /^([a-zA-Z0-9-]{1,128}):\s*([\u0020-\u007e]{1,4096})$/.exec(line) ?? [];
    if (name === "" || Object.keys(headers).length >= maximumHeaders)
      throw new WarpwatchError(
        "STATE_UNUSABLE",
        `${file}, line ${index + 1}: write a header as "name: value", ${maximumHeaders} at most`,
      );
    headers[name] = value.trim();
  });
  return headers;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split(/\r?\n/);
  } catch (cause) {
    const sentence = `the headers in ${file} can't be read (${systemCode(cause)})`;
    throw new WarpwatchError("STATE_UNUSABLE", sentence, { cause });
  }
}
