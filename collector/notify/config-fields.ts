/** Fields that several notifiers' settings have. */
import { z } from "zod";
import { durationSchema } from "../../core/kit/config.ts";

export const severities = ["critical", "warning", "info"] as const;

export const severitiesSchema = z.array(z.enum(severities)).min(1);

export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,62}$/, "must be letters, digits, dots, dashes, at most 63 of them");

export const urlSchema = z.string().transform((text, context) => {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  context.addIssue({ code: "custom", message: "must be an http:// or https:// address" });
  return z.NEVER;
});

const timeoutSchema = durationSchema.refine(
  (milliseconds) => milliseconds >= 100 && milliseconds <= 60_000,
  "must be between 100ms and 1m",
);

export const sharedFields = {
  timeout: timeoutSchema.default(10_000),
  severities: severitiesSchema.default([...severities]),
};
