/** Settings of the services that people read: their secrets, web addresses that need no other proof among them, are in files only. */
import { z } from "zod";
import { nameSchema, sharedFields, urlSchema } from "./config-fields.ts";
import { secretFileSchema, secretUrlFileSchema } from "./secret.ts";

const peopleFields = {
  ...sharedFields,
  /** What a rule's `dashboard_url` is a path of: Grafana's address. */
  dashboards_url: urlSchema.default(""),
};

export const slackSchema = z
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
