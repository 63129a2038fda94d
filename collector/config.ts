/** The collector's configuration: one YAML file, checked whole at the start; docs/configuration.md tells what each setting does. */
import { z } from "zod";
import type { Rule } from "../alerts/rule.ts";
import {
  ConfigError,
  durationSchema,
  loadConfigFile,
  parseConfig,
  type ConfigIssue,
} from "../core/kit/config.ts";
import { otlpExportSchema, type OtlpExportSettings } from "./history/otlp/settings.ts";
import { fleetClusterSchema, type FleetClusterSettings } from "./fleet/kubernetes.ts";
import { remoteStoresSchema, type RemoteStoreSettings } from "./history/remote-write/settings.ts";
import { backfillSchema, type BackfillSettings } from "./history/backfill/settings.ts";
import { historySchema, type HistorySettings } from "./history/settings.ts";
import { defaultIngestLimits, type IngestLimits } from "./ingest/door.ts";
import { otlpReceiverSchema, type OtlpReceiverSettings } from "./ingest/otlp/settings.ts";
import {
  remoteWriteReceiverSchema,
  type RemoteWriteSettings,
} from "./ingest/remote-write/settings.ts";
import { scrapeCautions } from "./ingest/scrape/cautions.ts";
import type { JobConfig } from "./ingest/scrape/scraper.ts";
import { prometheusJobsSchema } from "./ingest/scrape/prometheus-settings.ts";
import { complainOfTwice, jobsSchema } from "./ingest/scrape/settings.ts";
import { notifiersSchema, type NotifierSettings } from "./notify/config.ts";
import {
  escalationsSchema,
  unknownNotifiers,
  type Escalation,
} from "./notify/incident/escalation.ts";
import { maintenanceSchema, type MaintenanceSettings } from "./notify/mute/maintenance-settings.ts";
import { overridesSchema, ownRulesSchema, resolveRules } from "./rule-settings.ts";

export interface CollectorConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** Names by which the server may be called beside its own addresses. */
  readonly hostNames: readonly string[];
  /** Where people reach the console, for the links in notifications; empty when nobody could. */
  readonly externalUrl: string;
  /** Empty: the caller chooses. */
  readonly stateFolder: string;
  /** Empty: the state folder's own token. */
  readonly tokenFile: string;
  /** The token of those who send measurements; empty: the state folder's own. */
  readonly pushTokenFile: string;
  /** Prometheus' web configuration file, for TLS; empty: plain HTTP. */
  readonly webConfigFile: string;
  readonly ingest: IngestLimits;
  readonly scrape: readonly JobConfig[];
  readonly maximumTargets: number;
  readonly remoteWriteReceiver: RemoteWriteSettings;
  readonly otlpReceiver: OtlpReceiverSettings;
  /** Stores that samples are sent on to. */
  readonly remoteWrite: readonly RemoteStoreSettings[];
  /** OTLP receivers that samples are sent on to. */
  readonly otlp: readonly OtlpExportSettings[];
  readonly fleet: {
    /** Empty when there is none. */
    readonly file: string;
    readonly goneMilliseconds: number;
    readonly maximumNodes: number;
    /** The cluster whose nodes the fleet is. */
    readonly kubernetes?: FleetClusterSettings | undefined;
  };
  readonly history: HistorySettings;
  /** Where the learned detectors read the past from; null for nowhere. */
  readonly backfill: BackfillSettings | null;
  /** The rules that are judged: ours as changed, then the user's. */
  readonly rules: readonly Rule[];
  readonly notifiers: readonly NotifierSettings[];
  /** Who of them is told at once, and who when nobody acknowledged. */
  readonly escalation: readonly Escalation[];
  /** Windows in which nobody is told of what they match. */
  readonly maintenance: readonly MaintenanceSettings[];
  /** Holds the keys of the audit log's chain; empty: it has none. */
  readonly auditKeyFile: string;
}

const count = (maximum: number): z.ZodInt => z.int().min(1).max(maximum);
const longest = 366 * 86_400_000;
const duration = durationSchema.refine((value) => value <= longest, "must be a year or less");
const text = z.string().max(1024);

const listenSchema = z.string().transform((address, context) => {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]*):(\d{1,5})$/i.exec(address);
  const port = Number(match?.[2] ?? Number.NaN);
  if (match && port <= 65_535)
    return { host: (match[1] ?? "").replaceAll(/[[\]]/g, "") || "::", port };
  const message = `"${address}" is not an address; write it as 127.0.0.1:9411, :9411 or [::1]:9411`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const ingestSchema = z
  .strictObject({
    origins: count(100_000).default(defaultIngestLimits.origins),
    series_per_origin: count(1_000_000).default(defaultIngestLimits.seriesPerOrigin),
    label_value_length: count(65_536).default(defaultIngestLimits.labelValueLength),
    late_after: duration
      .refine((value) => value >= 10_000, "must be 10s or more")
      .default(defaultIngestLimits.lateMilliseconds),
  })
  .prefault({})
  .transform((entry): IngestLimits => ({
    ...defaultIngestLimits,
    origins: entry.origins,
    seriesPerOrigin: entry.series_per_origin,
    labelValueLength: entry.label_value_length,
    lateMilliseconds: entry.late_after,
  }));

export const collectorSchema: z.ZodType<CollectorConfig> = z
  .strictObject({
    listen: listenSchema.prefault("127.0.0.1:9411"),
    host_names: z.array(text.min(1)).max(100).default([]),
    external_url: z
      .url({ protocol: /^https?$/, error: "must be an http:// or https:// address" })
      .or(z.literal(""))
      .default(""),
    state_folder: text.default(""),
    token_file: text.default(""),
    push_token_file: text.default(""),
    web_config_file: text.default(""),
    ingest: ingestSchema,
    scrape: jobsSchema,
    scrape_configs: prometheusJobsSchema,
    maximum_targets: count(100_000).default(2000),
    remote_write_receiver: remoteWriteReceiverSchema,
    otlp_receiver: otlpReceiverSchema,
    remote_write: remoteStoresSchema,
    otlp: otlpExportSchema,
    fleet: z
      .strictObject({
        file: text.default(""),
        gone_after: duration.default(300_000),
        maximum_nodes: count(100_000).default(10_000),
        kubernetes: fleetClusterSchema.optional(),
      })
      .prefault({}),
    history: historySchema,
    backfill: backfillSchema,
    rules: overridesSchema,
    own_rules: ownRulesSchema,
    notifiers: notifiersSchema,
    escalation: escalationsSchema,
    maintenance: maintenanceSchema,
    audit: z.strictObject({ key_file: text.default("") }).prefault({}),
  })
  .superRefine(({ scrape, scrape_configs: pasted }, context) => {
    const taken = scrape.map(({ name }) => name);
    complainOfTwice(pasted, taken, (index) => ["scrape_configs", index, "job_name"], context);
  })
  .superRefine(({ escalation, notifiers }, context) => {
    const known = new Set(notifiers.map((notifier) => notifier.name));
    for (const { path, name } of unknownNotifiers(escalation, known))
      context.addIssue({
        code: "custom",
        path: ["escalation", ...path],
        message: `no notifier is called "${name}"`,
      });
  })
  .transform((entry) => ({
    listen: entry.listen,
    hostNames: entry.host_names,
    externalUrl: entry.external_url,
    stateFolder: entry.state_folder,
    tokenFile: entry.token_file,
    pushTokenFile: entry.push_token_file,
    webConfigFile: entry.web_config_file,
    ingest: entry.ingest,
    scrape: [...entry.scrape, ...entry.scrape_configs],
    maximumTargets: entry.maximum_targets,
    remoteWriteReceiver: entry.remote_write_receiver,
    otlpReceiver: entry.otlp_receiver,
    remoteWrite: entry.remote_write,
    otlp: entry.otlp,
    fleet: {
      file: entry.fleet.file,
      goneMilliseconds: entry.fleet.gone_after,
      maximumNodes: entry.fleet.maximum_nodes,
      kubernetes: entry.fleet.kubernetes,
    },
    history: entry.history,
    backfill: entry.backfill,
    rules: resolveRules(entry.rules, entry.own_rules),
    notifiers: entry.notifiers,
    escalation: entry.escalation,
    maintenance: entry.maintenance,
    auditKeyFile: entry.audit.key_file,
  }));

/** Throws ConfigError with every mistake: file, line and key. */
export function loadCollectorConfig(file: string): CollectorConfig {
  return loadConfigFile(file, collectorSchema);
}

/** What is valid in the file and doesn't do what somebody may expect of it. */
export function cautionsAbout(file: string): readonly ConfigIssue[] {
  try {
    loadConfigFile(file, scrapeCautions);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.issues;
    throw thrown;
  }
}

/** The configuration of a collector without a file. */
export function defaultCollectorConfig(): CollectorConfig {
  return parseConfig("", "defaults", collectorSchema);
}
