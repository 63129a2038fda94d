/**
 * Prometheus' own `scrape_configs` (prometheus.io/docs, scrape_config), read into the same jobs as ours: a block that works
 * there can be pasted. What would mean something else here is refused by its name.
 */
import { z } from "zod";
import type { ClientTlsSettings } from "../../../core/kit/tls-files.ts";
import { ownKubernetes } from "../../../core/kit/kubernetes-api.ts";
import type { Credentials, Secret } from "./credentials.ts";
import type { DnsQuery } from "./dns.ts";
import { kubernetesRoles } from "./kubernetes-targets.ts";
import type { ClusterKind, KubernetesQuery } from "./kubernetes.ts";
import {
  besideOf,
  bodyBytes,
  complainOf,
  defaults,
  dnsTypes,
  interval,
  jobName,
  path,
  query,
  refresh,
  sharedKeys,
  sharedSettings,
  timeout,
  tlsSchema,
} from "./settings.ts";
import type { JobConfig } from "./watched-job.ts";

const text = z.string().max(1024);
/** Taken and without effect: they choose between ways of asking, and ours is chosen already. */
const withoutEffect = z.unknown().optional();

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 2 ** 10,
  KiB: 2 ** 10,
  MB: 2 ** 20,
  MiB: 2 ** 20,
  GB: 2 ** 30,
  GiB: 2 ** 30,
};
/** `32MB`; Prometheus' units are powers of 1024. 0 is none, and ours is the default's. */
const size = z.union([z.string(), z.number()]).transform((given, context) => {
  const match = /^(\d+)(B|KB|KiB|MB|MiB|GB|GiB)?$/.exec(String(given));
  const bytes = Number(match?.[1] ?? Number.NaN) * (unitBytes[match?.[2] ?? "B"] ?? 1);
  if (bytes === 0) return defaults.bodyBytes;
  const fits = bodyBytes.safeParse(bytes);
  if (fits.success) return bytes;
  const message = `"${given}" is no size from 1KB to 256MB`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

/** An access of one kind; keys of other ways to log in are refused as unknown. */
const loginKeys = {
  basic_auth: z
    .strictObject({
      username: text.default(""),
      password: text.optional(),
      password_file: path.optional(),
    })
    .optional(),
  authorization: z
    .strictObject({
      type: text.default("Bearer"),
      credentials: text.optional(),
      credentials_file: path.optional(),
    })
    .optional(),
  bearer_token: text.optional(),
  bearer_token_file: path.optional(),
};
const loginSchema = z.object(loginKeys);

const dnsSchema = z
  .strictObject({
    names: z.array(path).min(1).max(100),
    type: z.string().toUpperCase().pipe(z.enum(dnsTypes)).default("SRV"),
    port: z.int().min(1).max(65_535).optional(),
    refresh_interval: refresh.default(30_000),
  })
  .transform((entry, context): DnsQuery => {
    if (entry.type !== "SRV" && entry.port === undefined)
      context.addIssue({ code: "custom", path: ["port"], message: `is needed for ${entry.type}` });
    const { names, type, port = 0, refresh_interval: refreshMilliseconds } = entry;
    return { names, type, port, refreshMilliseconds, servers: [] };
  });

const kindOfRole = {
  pod: "pods",
  node: "nodes",
  service: "services",
  endpoints: "slices",
  endpointslice: "slices",
} as const satisfies Readonly<Record<string, ClusterKind>>;

const kubernetesSchema = z
  .strictObject({
    role: z.enum(
      kubernetesRoles,
      `is one of ${kubernetesRoles.join(", ")}: other roles aren't supported`,
    ),
    api_server: z.url({ protocol: /^https?$/ }).optional(),
    namespaces: z
      .strictObject({
        own_namespace: z.boolean().default(false),
        names: z.array(path).max(100).default([]),
      })
      .prefault({}),
    selectors: z
      .array(
        z.strictObject({
          role: z.enum(["pod", "node", "service", "endpoints", "endpointslice"]),
          label: text.default(""),
          field: text.default(""),
        }),
      )
      .default([]),
    attach_metadata: z.strictObject({ node: z.boolean().default(false) }).prefault({}),
  })
  .transform((entry): KubernetesQuery => ({
    role: entry.role,
    beside: besideOf(entry.role, entry.attach_metadata.node),
    namespaces: entry.namespaces.names,
    ownNamespace: entry.namespaces.own_namespace,
    selectors: Object.fromEntries(
      entry.selectors.map(({ role, label, field }) => [kindOfRole[role], { label, field }]),
    ),
    access: { ...ownKubernetes, api: entry.api_server ?? ownKubernetes.api },
    firstPort: false,
  }));

const labels = z.record(z.string(), z.union([text, z.number(), z.boolean()]).transform(String));

const jobSchema = z
  .strictObject({
    job_name: jobName,
    scrape_interval: interval.default(defaults.interval),
    scrape_timeout: timeout.optional(),
    scheme: z.enum(["http", "https"]).default("http"),
    metrics_path: z.string().startsWith("/", "must begin with /").max(1024).default("/metrics"),
    params: query.default({}),
    body_size_limit: size.default(defaults.bodyBytes),
    static_configs: z
      .array(
        z.strictObject({
          targets: z.array(text.min(1)).max(100_000).default([]),
          labels: labels.default({}),
        }),
      )
      .default([]),
    file_sd_configs: z
      .array(z.strictObject({ files: z.array(path).max(100), refresh_interval: withoutEffect }))
      .default([]),
    dns_sd_configs: z.array(dnsSchema).max(100).default([]),
    kubernetes_sd_configs: z.array(kubernetesSchema).max(20).default([]),
    tls_config: tlsSchema.optional(),
    ...loginKeys,
    ...sharedKeys,
    // A sample has the time of its scrape, and redirects aren't followed: docs/configuration.md.
    honor_timestamps: withoutEffect,
    track_timestamps_staleness: withoutEffect,
    follow_redirects: withoutEffect,
    enable_http2: withoutEffect,
    enable_compression: withoutEffect,
    scrape_protocols: withoutEffect,
    fallback_scrape_protocol: withoutEffect,
    scrape_classic_histograms: withoutEffect,
    always_scrape_classic_histograms: withoutEffect,
    keep_dropped_targets: withoutEffect,
  })
  .transform((entry, context): JobConfig => {
    const job: JobConfig = {
      name: entry.job_name,
      intervalMilliseconds: entry.scrape_interval,
      timeoutMilliseconds:
        entry.scrape_timeout ?? Math.min(defaults.timeout, entry.scrape_interval),
      scheme: entry.scheme,
      path: entry.metrics_path,
      query: entry.params,
      bodyLimitBytes: entry.body_size_limit,
      groups: entry.static_configs,
      files: entry.file_sd_configs.flatMap(({ files }) => files),
      dns: entry.dns_sd_configs,
      kubernetes: entry.kubernetes_sd_configs,
      credentials: credentialsOf(entry, context),
      tls: entry.tls_config satisfies ClientTlsSettings | undefined,
      ...sharedSettings(entry),
    };
    const at = (index: number, group: number) => ["static_configs", group, "targets", index];
    complainOf(job, "scrape_timeout", at, context);
    return job;
  });

function credentialsOf(
  login: z.output<typeof loginSchema>,
  context: z.RefinementCtx,
): Credentials | undefined {
  const found: (readonly [key: string, credentials: Credentials | null])[] = [];
  const { basic_auth: basic, authorization } = login;
  if (basic) {
    const secret = secretOf(basic.password, basic.password_file);
    found.push(["basic_auth", secret && { kind: "basic", user: basic.username, secret }]);
  }
  if (authorization) {
    const secret = secretOf(authorization.credentials, authorization.credentials_file);
    found.push(["authorization", secret && { kind: "token", scheme: authorization.type, secret }]);
  }
  if (login.bearer_token !== undefined || login.bearer_token_file !== undefined) {
    const secret = secretOf(login.bearer_token, login.bearer_token_file);
    found.push(["bearer_token", secret && { kind: "token", scheme: "Bearer", secret }]);
  }
  const [first] = found;
  if (first === undefined) return undefined;
  const [key, credentials] = first;
  if (found.length > 1)
    context.addIssue({ code: "custom", path: [key], message: "can't stand beside another login" });
  else if (credentials === null)
    context.addIssue({
      code: "custom",
      path: [key],
      message: "needs one secret, or one file with it",
    });
  return credentials ?? undefined;
}

function secretOf(plain: string | undefined, file: string | undefined): Secret | null {
  if ((plain === undefined) === (file === undefined)) return null;
  return { file: file ?? "", text: plain ?? "" };
}

export const prometheusJobsSchema: z.ZodType<readonly JobConfig[]> = z
  .array(jobSchema)
  .max(1000)
  .default([]);
