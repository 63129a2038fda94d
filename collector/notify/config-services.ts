/**
 * Settings of the services that people read, and of standard output. Secrets, to which a webhook's address belongs, are in
 * files only.
 */
import { z } from "zod";
import { WarpwatchError } from "../../core/kit/errors.ts";
import { nameSchema, severitiesSchema, sharedFields, urlSchema } from "./config-fields.ts";
import { policyFields } from "./incident/policy.ts";
import type { Service } from "./notifier.ts";
import { createOpsgenie } from "./opsgenie.ts";
import type { Post } from "./post.ts";
import { secretFileSchema, secretUrlFileSchema } from "./secret.ts";
import { createSlack, type SlackTarget } from "./slack.ts";
import { createStdout } from "./stdout.ts";
import { createTeams } from "./teams.ts";

const peopleFields = {
  ...sharedFields,
  ...policyFields,
  /** What a rule's `dashboard_url` is a path of: Grafana's address. */
  dashboards_url: urlSchema.default(""),
};

const slackSchema = z
  .strictObject({
    ...peopleFields,
    type: z.literal("slack"),
    name: nameSchema.default("slack"),
    webhook_url_file: secretUrlFileSchema.optional(),
    token_file: secretFileSchema.optional(),
    channel: z.string().min(1).max(100).optional(),
    api_url: urlSchema.default("https://slack.com/api"),
  })
  .refine((value) => (value.webhook_url_file === undefined) !== (value.token_file === undefined), {
    path: ["token_file"],
    message: "give either webhook_url_file or token_file",
  })
  .refine((value) => (value.channel === undefined) === (value.token_file === undefined), {
    path: ["channel"],
    message: "goes with token_file and is needed there; a webhook has its own channel",
  });

const teamsSchema = z.strictObject({
  ...peopleFields,
  type: z.literal("teams"),
  name: nameSchema.default("teams"),
  webhook_url_file: secretUrlFileSchema,
});

const opsgenieSchema = z
  .strictObject({
    ...peopleFields,
    type: z.literal("opsgenie"),
    name: nameSchema.default("opsgenie"),
    api_key_file: secretFileSchema,
    region: z.enum(["us", "eu"]).optional(),
    url: urlSchema.optional(),
    // An alert per digest entry is nobody's wish.
    severities: severitiesSchema.default(["critical", "warning"]),
  })
  .refine((value) => value.region === undefined || value.url === undefined, {
    path: ["region"],
    message: "give either region or url",
  });

const stdoutSchema = z.strictObject({
  ...sharedFields,
  ...policyFields,
  type: z.literal("stdout"),
  name: nameSchema.default("stdout"),
});

export const serviceSchemas = [slackSchema, teamsSchema, opsgenieSchema, stdoutSchema] as const;

export type ServiceSettings = z.infer<(typeof serviceSchemas)[number]>;

const opsgenieUrls = { us: "https://api.opsgenie.com", eu: "https://api.eu.opsgenie.com" };

/** What every notifier gets. */
export interface CommonOptions {
  readonly consoleUrl: string;
  readonly timeoutMilliseconds: number;
  readonly post: Post;
}

export function createService(entry: ServiceSettings, given: CommonOptions): Service {
  if (entry.type === "stdout") return createStdout({ ...given, name: entry.name });
  const common = { ...given, name: entry.name, dashboardsUrl: entry.dashboards_url };
  switch (entry.type) {
    case "slack":
      return createSlack({ ...common, target: slackTarget(entry) });
    case "teams":
      return createTeams({ ...common, url: entry.webhook_url_file });
    default:
      return createOpsgenie({
        ...common,
        url: opsgenieAddress(entry),
        apiKey: entry.api_key_file,
      });
  }
}

export function opsgenieAddress({
  url,
  region = "us",
}: Pick<z.infer<typeof opsgenieSchema>, "url" | "region">): URL {
  return new URL(url ?? opsgenieUrls[region]);
}

function slackTarget(entry: z.infer<typeof slackSchema>): SlackTarget {
  const { webhook_url_file: url, token_file: token, channel = "" } = entry;
  if (url) return { kind: "webhook", url };
  if (token) return { kind: "token", api: new URL(entry.api_url), token, channel };
  throw new WarpwatchError("CONFIG_INVALID_VALUE", `${entry.name} has neither address nor token`);
}
