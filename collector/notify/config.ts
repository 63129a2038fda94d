/** The `notifiers` section of the collector's configuration, and the notifiers made from it. */
import { z } from "zod";
import type { Clock } from "../../core/kit/clock.ts";
import { durationSchema } from "../../core/kit/config.ts";
import type { Alert } from "../state/alert.ts";
import { createAlertmanager } from "./alertmanager.ts";
import {
  nameSchema,
  severities,
  severitiesSchema,
  sharedFields,
  urlSchema,
} from "./config-fields.ts";
import { createService, serviceSchemas } from "./config-services.ts";
import { policyFields, policyOf } from "./incident/policy.ts";
import type { Notifier, Service } from "./notifier.ts";
import { createPagerDuty } from "./pagerduty.ts";
import { createPost } from "./post.ts";
import { secretFileSchema, secretSchema, type Secret } from "./secret.ts";
import { bodyTemplateSchema } from "./webhook-body.ts";
import { createWebhook } from "./webhook.ts";

const pagerDutySchema = z
  .strictObject({
    ...sharedFields,
    ...policyFields,
    type: z.literal("pagerduty"),
    name: nameSchema.default("pagerduty"),
    url: urlSchema.default("https://events.pagerduty.com/v2/enqueue"),
    routing_key: secretSchema.optional(),
    routing_key_file: secretFileSchema.optional(),
    // An incident per digest entry is nobody's wish.
    severities: severitiesSchema.default(["critical", "warning"]),
  })
  .refine((value) => (value.routing_key === undefined) !== (value.routing_key_file === undefined), {
    path: ["routing_key"],
    message: "give either routing_key or routing_key_file",
  });

const alertmanagerSchema = z
  .strictObject({
    ...sharedFields,
    type: z.literal("alertmanager"),
    name: nameSchema.default("alertmanager"),
    /** Every one gets every alert: members of a cluster deduplicate among themselves. */
    urls: z.array(urlSchema).min(1).max(16),
    authorization: secretSchema.optional(),
    authorization_file: secretFileSchema.optional(),
    refresh: durationSchema.refine((value) => value >= 1000, "must be 1s or more").default(60_000),
    hold: durationSchema.default(3_600_000),
  })
  .refine((value) => value.hold >= 3 * value.refresh, {
    path: ["hold"],
    message: "must be at least three times refresh, or alerts expire between two repetitions",
  })
  .refine((value) => new Set(value.urls).size === value.urls.length, {
    path: ["urls"],
    message: "must not name an address twice",
  });

/** Those that say how the body is read or who asks are ours. */
const ownHeaders =
  /^(?:authorization|connection|content-.*|host|transfer-encoding|x-warpwatch-.*)$/i;

const headersSchema = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "is no name of a header"),
    z.string().regex(/^[\t\x20-\x7e]{0,1024}$/, "must be printable ASCII, at most 1,024 of it"),
  )
  .refine((headers) => Object.keys(headers).length <= 16, "must be 16 at most")
  .refine((headers) => !Object.keys(headers).some((name) => ownHeaders.test(name)), {
    message: "has a header that is set by the webhook itself; authorization has a key of its own",
  });

const webhookSchema = z.strictObject({
  ...sharedFields,
  ...policyFields,
  type: z.literal("webhook"),
  name: nameSchema.default("webhook"),
  url: urlSchema,
  authorization: secretSchema.optional(),
  authorization_file: secretFileSchema.optional(),
  secret: secretSchema.optional(),
  secret_file: secretFileSchema.optional(),
  headers: headersSchema.default({}),
  body: bodyTemplateSchema.optional(),
});

export const notifiersSchema = z
  .array(
    z.discriminatedUnion("type", [
      pagerDutySchema,
      alertmanagerSchema,
      webhookSchema,
      ...serviceSchemas,
    ]),
  )
  .max(32)
  .superRefine((entries, context) => {
    entries.forEach((entry, index) => {
      if (entries.findIndex((other) => other.name === entry.name) < index)
        context.addIssue({
          code: "custom",
          path: [index, "name"],
          message: `"${entry.name}" is taken by another notifier: give this one a name of its own`,
        });
    });
  })
  .default([]);

export type NotifierSettings = z.infer<typeof notifiersSchema>[number];

export interface NotifierContext {
  readonly clock: Clock;
  /** Where a notification links back to; empty when nobody could open it. */
  readonly consoleUrl: string;
}

/** One notifier per receiver: each of several Alertmanagers is one, with its own place in the outbox. */
export function createNotifiers(
  settings: readonly NotifierSettings[],
  context: NotifierContext,
): Notifier[] {
  return settings.flatMap((entry) => {
    const destination = {
      configuredName: entry.name,
      policy: policyOf(entry),
      accepts: acceptsSeverities(entry.severities),
    };
    return createServices(entry, context).map((service) => ({ ...service, ...destination }));
  });
}

function createServices(entry: NotifierSettings, context: NotifierContext): Service[] {
  const common = {
    ...context,
    post: createPost(context.clock),
    timeoutMilliseconds: entry.timeout,
  };
  switch (entry.type) {
    case "pagerduty": {
      const routingKey = entry.routing_key ?? entry.routing_key_file;
      if (routingKey === undefined) return [];
      return [
        createPagerDuty({ ...common, name: entry.name, url: new URL(entry.url), routingKey }),
      ];
    }
    case "alertmanager":
      return entry.urls.map((text) => {
        const url = new URL(text);
        return createAlertmanager({
          ...common,
          name: entry.urls.length === 1 ? entry.name : `${entry.name}/${url.host}${url.pathname}`,
          url,
          authorization: either(entry.authorization, entry.authorization_file),
          refreshMilliseconds: entry.refresh,
          holdMilliseconds: entry.hold,
        });
      });
    case "slack":
    case "teams":
    case "opsgenie":
    case "stdout":
      return [createService(entry, common)];
    default:
      return [
        createWebhook({
          ...common,
          name: entry.name,
          url: new URL(entry.url),
          authorization: either(entry.authorization, entry.authorization_file),
          secret: either(entry.secret, entry.secret_file),
          headers: entry.headers,
          body: entry.body ?? null,
        }),
      ];
  }
}

/** An alert whose severity is none of ours (rules from elsewhere) concerns everyone: nothing is lost silently. */
function acceptsSeverities(wanted: readonly string[]): (alert: Alert) => boolean {
  const unwanted = new Set<string>(severities.filter((severity) => !wanted.includes(severity)));
  return (alert) => !unwanted.has(alert.labels["severity"] ?? "");
}

function either(direct: Secret | undefined, file: Secret | undefined): Secret | null {
  return direct ?? file ?? null;
}
