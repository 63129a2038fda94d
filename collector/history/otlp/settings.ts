/** OTLP receivers that samples are sent to; docs/configuration.md tells what each setting does. */
import { z } from "zod";
import { durationSchema } from "../../../core/kit/config.ts";
import type { OtlpEndpoint } from "../../../core/wire/otlp-post.ts";
import { otlpUrl } from "../../../core/wire/otlp-url.ts";

export interface OtlpExportSettings extends OtlpEndpoint {
  /** What waits on disk; 0: it waits in memory. */
  readonly bufferBytes: number;
  readonly intervalMilliseconds: number;
}

const mebibyte = 2 ** 20;
const text = z.string().min(1).max(1024);
/** Those that the protocol needs are its own. */
const headerName = z
  .string()
  .regex(/^[a-zA-Z0-9-]{1,128}$/, "is not a header's name")
  .refine(
    (name) => !/^(content-.*|host|authorization|user-agent)$/i.test(name),
    "is set by Warpwatch itself",
  );

const endpointSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be small letters, digits, _ and -"),
    url: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// address" }),
    token_file: text.optional(),
    ca_file: text.optional(),
    headers: z.record(headerName, text).default({}),
    interval: durationSchema
      .refine((value) => value >= 1000 && value <= 3_600_000, "must be 1s to 1h")
      .default(60_000),
    compression: z.enum(["gzip", "none"]).default("gzip"),
    timeout_seconds: z.int().min(1).max(600).default(10),
    queue_bytes: z
      .int()
      .min(mebibyte)
      .max(1024 * mebibyte)
      .default(64 * mebibyte),
    buffer_bytes: z.int().min(mebibyte).optional(),
  })
  .transform((entry): OtlpExportSettings => ({
    name: entry.name,
    url: otlpUrl(entry.url),
    tokenFile: entry.token_file ?? null,
    authorityFile: entry.ca_file ?? null,
    headers: entry.headers,
    intervalMilliseconds: entry.interval,
    compression: entry.compression,
    timeoutMilliseconds: entry.timeout_seconds * 1000,
    queueBytes: entry.queue_bytes,
    bufferBytes: entry.buffer_bytes ?? 0,
  }));

export const otlpExportSchema = z
  .array(endpointSchema)
  .max(8)
  .superRefine((endpoints, context) => {
    endpoints.forEach(({ name }, index) => {
      if (endpoints.findIndex((other) => other.name === name) < index)
        context.addIssue({ code: "custom", path: [index, "name"], message: "is there twice" });
    });
  })
  .default([]);
