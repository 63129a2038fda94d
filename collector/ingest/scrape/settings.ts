/** The settings of `scrape`: jobs, where their targets come from, and what is done with their pages. */
import { z } from "zod";
import { durationSchema } from "../../../core/kit/config.ts";
import { describeError } from "../../../core/kit/errors.ts";
import { ownKubernetes } from "../../../core/kit/kubernetes-api.ts";
import type { ClientTlsSettings } from "../../../core/kit/tls-files.ts";
import type { Credentials } from "./credentials.ts";
import type { DnsQuery } from "./dns.ts";
import { serviceOf } from "./kubernetes-objects.ts";
import { kubernetesRoles } from "./kubernetes-targets.ts";
import type { ClusterKind, KubernetesQuery } from "./kubernetes.ts";
import { relabelRulesSchema } from "./relabel-config.ts";
import { labelNamePattern } from "./relabel.ts";
import { isInterval, makeTarget } from "./target.ts";
import type { JobConfig } from "./watched-job.ts";

const text = z.string().max(1024);
export const path = text.min(1);
const labelName = z.string().regex(labelNamePattern, "is not a label name");
export const jobName = z
  .string()
  .regex(/^[\w.:/-]{1,128}$/, "must be 1 to 128 letters, digits or ._:/-");
export const interval = durationSchema.refine(isInterval, "must be from 1s to 5m");
export const timeout = durationSchema.refine((value) => value >= 10, "must be 10ms or more");
export const bodyBytes = z
  .int()
  .min(1024)
  .max(256 * 1024 * 1024);
export const query = z.record(text.min(1), z.array(text).max(100));
export const defaults = { interval: 15_000, timeout: 10_000, bodyBytes: 32 * 1024 * 1024 } as const;
export const dnsTypes = ["SRV", "A", "AAAA"] as const;
export const refresh = durationSchema.refine(
  (value) => value >= 1000 && value <= 3_600_000,
  "must be from 1s to 1h",
);

export const tlsSchema = z
  .strictObject({
    ca_file: path.optional(),
    cert_file: path.optional(),
    key_file: path.optional(),
    server_name: path.optional(),
    insecure_skip_verify: z.boolean().default(false),
  })
  .superRefine(({ cert_file: certificate, key_file: key }, context) => {
    if ((certificate === undefined) !== (key === undefined))
      context.addIssue({ code: "custom", message: "needs cert_file and key_file, or neither" });
  })
  .transform((entry): ClientTlsSettings => ({
    authorityFile: entry.ca_file ?? "",
    certificateFile: entry.cert_file ?? "",
    keyFile: entry.key_file ?? "",
    serverName: entry.server_name ?? "",
    insecureSkipVerify: entry.insecure_skip_verify,
  }));

const dnsSchema = z
  .strictObject({
    names: z.array(path).min(1).max(100),
    type: z.enum(dnsTypes).default("SRV"),
    port: z.int().min(1).max(65_535).optional(),
    refresh: refresh.default(30_000),
    servers: z
      .array(z.string().regex(/^[\da-f.:[\]]+$/i, "is no address of a name server"))
      .max(3)
      .default([]),
  })
  .transform((entry, context): DnsQuery => {
    if (entry.type !== "SRV" && entry.port === undefined)
      context.addIssue({ code: "custom", path: ["port"], message: `is needed for ${entry.type}` });
    return {
      names: entry.names,
      type: entry.type,
      port: entry.port ?? 0,
      refreshMilliseconds: entry.refresh,
      servers: entry.servers,
    };
  });

const kubernetesSchema = z
  .strictObject({
    service: z
      .string()
      .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "is not a service's name")
      .optional(),
    namespace: text.default(""),
    role: z.enum(kubernetesRoles).optional(),
    namespaces: z.array(path).max(100).optional(),
    label_selector: text.default(""),
    field_selector: text.default(""),
    attach_node: z.boolean().default(false),
    api: z.url({ protocol: /^https?$/ }).default(ownKubernetes.api),
    account_folder: path.default(ownKubernetes.accountFolder),
  })
  .transform((entry, context): KubernetesQuery => {
    const access = { api: entry.api, accountFolder: entry.account_folder };
    if ((entry.service === undefined) === (entry.role === undefined))
      context.addIssue({ code: "custom", message: "needs one of service and role" });
    if (entry.role === undefined)
      // The service's own slices are enough, and the only right that is needed.
      return {
        role: "endpointslice",
        beside: [],
        namespaces: entry.namespace === "" ? [] : [entry.namespace],
        ownNamespace: entry.namespace === "",
        selectors: { slices: { label: `${serviceOf}=${entry.service ?? ""}`, field: "" } },
        access,
        firstPort: true,
      };
    const selector = { label: entry.label_selector, field: entry.field_selector };
    return {
      role: entry.role,
      beside: besideOf(entry.role, entry.attach_node),
      ...namespacesOf(entry.namespaces ?? []),
      selectors: { [selected[entry.role]]: selector },
      access,
      firstPort: false,
    };
  });

const selected = {
  pod: "pods",
  node: "nodes",
  endpoints: "slices",
  endpointslice: "slices",
} as const;

/** None: the account's own; `*`: every one. */
function namespacesOf(
  names: readonly string[],
): Pick<KubernetesQuery, "namespaces" | "ownNamespace"> {
  return names.includes("*")
    ? { namespaces: [], ownNamespace: false }
    : { namespaces: names, ownNamespace: names.length === 0 };
}

/** What a role's targets have labels of beside their own object's. */
export function besideOf(role: KubernetesQuery["role"], attachNode: boolean): ClusterKind[] {
  const joined: ClusterKind[] =
    role === "endpoints" || role === "endpointslice" ? ["services", "pods"] : [];
  return attachNode ? [...joined, "nodes"] : joined;
}

/** The keys that a job shares with Prometheus' scrape_configs. */
export const sharedKeys = {
  honor_labels: z.boolean().default(false),
  relabel_configs: relabelRulesSchema.optional(),
  metric_relabel_configs: relabelRulesSchema.optional(),
  sample_limit: z.int().min(0).default(0),
  label_limit: z.int().min(0).default(0),
  label_name_length_limit: z.int().min(0).default(0),
  label_value_length_limit: z.int().min(0).default(0),
  target_limit: z.int().min(0).default(0),
};
const sharedSchema = z.object(sharedKeys);

/** 0 is none, as in Prometheus. */
export function sharedSettings(
  entry: z.output<typeof sharedSchema>,
): Pick<JobConfig, "honorLabels" | "relabel" | "metricRelabel" | "limits" | "targetLimit"> {
  const limit = (value: number): number | undefined => (value === 0 ? undefined : value);
  return {
    honorLabels: entry.honor_labels,
    relabel: entry.relabel_configs,
    metricRelabel: entry.metric_relabel_configs,
    limits: {
      samples: limit(entry.sample_limit),
      labels: limit(entry.label_limit),
      labelNameLength: limit(entry.label_name_length_limit),
      labelValueLength: limit(entry.label_value_length_limit),
    },
    targetLimit: limit(entry.target_limit),
  };
}

const jobSchema = z
  .strictObject({
    job: jobName,
    interval: interval.default(defaults.interval),
    timeout: timeout.optional(),
    scheme: z.enum(["http", "https"]).default("http"),
    path: z.string().startsWith("/", "must begin with /").max(1024).default("/metrics"),
    params: query.default({}),
    body_limit_bytes: bodyBytes.default(defaults.bodyBytes),
    targets: z.array(text.min(1)).max(100_000).default([]),
    labels: z.record(labelName, text).default({}),
    files: z.array(path).max(100).default([]),
    dns: dnsSchema.optional(),
    kubernetes: kubernetesSchema.optional(),
    token_file: path.optional(),
    user: z.strictObject({ name: path, password_file: path }).optional(),
    tls: tlsSchema.optional(),
    ...sharedKeys,
  })
  .transform((entry, context): JobConfig => {
    if (entry.token_file !== undefined && entry.user !== undefined)
      context.addIssue({
        code: "custom",
        path: ["user"],
        message: "can't stand beside token_file",
      });
    const job: JobConfig = {
      name: entry.job,
      intervalMilliseconds: entry.interval,
      timeoutMilliseconds: entry.timeout ?? Math.min(defaults.timeout, entry.interval),
      scheme: entry.scheme,
      path: entry.path,
      query: entry.params,
      bodyLimitBytes: entry.body_limit_bytes,
      groups: [{ targets: entry.targets, labels: entry.labels }],
      files: entry.files,
      dns: entry.dns ? [entry.dns] : [],
      kubernetes: entry.kubernetes ? [entry.kubernetes] : [],
      credentials: credentialsOf(entry),
      tls: entry.tls,
      ...sharedSettings(entry),
    };
    complainOf(job, "timeout", (index) => ["targets", index], context);
    return job;
  });

function credentialsOf({
  token_file: file,
  user,
}: {
  readonly token_file?: string | undefined;
  readonly user?: { readonly name: string; readonly password_file: string } | undefined;
}): Credentials | undefined {
  if (file !== undefined) return { kind: "token", scheme: "Bearer", secret: { file, text: "" } };
  if (user === undefined) return undefined;
  return { kind: "basic", user: user.name, secret: { file: user.password_file, text: "" } };
}

/** What can be wrong with a job as a whole: its time-out, and the targets that the configuration lists. */
export function complainOf(
  job: JobConfig,
  timeoutKey: string,
  targetPath: (index: number, group: number) => (string | number)[],
  context: z.RefinementCtx,
): void {
  if (job.timeoutMilliseconds > job.intervalMilliseconds) {
    const message = "must not exceed the interval";
    context.addIssue({ code: "custom", path: [timeoutKey], message });
    return;
  }
  job.groups.forEach(({ targets, labels }, group) =>
    targets.forEach((target, index) => {
      try {
        makeTarget(job, target, labels);
      } catch (thrown) {
        const message = describeError(thrown);
        context.addIssue({ code: "custom", path: targetPath(index, group), message });
      }
    }),
  );
}

/** `taken`: the names of jobs that are set elsewhere. */
export function complainOfTwice(
  jobs: readonly JobConfig[],
  taken: readonly string[],
  keyPath: (index: number) => (string | number)[],
  context: z.RefinementCtx,
): void {
  const seen = new Set(taken);
  jobs.forEach(({ name }, index) => {
    if (seen.has(name))
      context.addIssue({ code: "custom", path: keyPath(index), message: "is there twice" });
    seen.add(name);
  });
}

export const jobsSchema: z.ZodType<readonly JobConfig[]> = z
  .array(jobSchema)
  .max(1000)
  .superRefine((jobs, context) => complainOfTwice(jobs, [], (index) => [index, "job"], context))
  .default([]);
