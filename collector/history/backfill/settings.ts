/** The store that learned detectors read the past from at a start; docs/configuration.md tells what each setting does. */
import { z } from "zod";

export interface BackfillSettings {
  /** The store's address, without `/api/v1/query`. */
  readonly url: URL;
  readonly tokenFile: string | null;
  readonly user: { readonly name: string; readonly passwordFile: string } | null;
  readonly pastMilliseconds: number;
  /** Of one request. */
  readonly timeoutMilliseconds: number;
}

const text = z.string().min(1).max(1024);

export const backfillSchema = z
  .strictObject({
    url: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// address" }),
    token_file: text.optional(),
    user: z.strictObject({ name: text, password_file: text }).optional(),
    hours: z
      .int()
      .min(1)
      .max(24 * 31)
      .default(24),
    timeout_seconds: z.int().min(1).max(600).default(30),
  })
  .transform((entry): BackfillSettings => ({
    url: new URL(entry.url),
    tokenFile: entry.token_file ?? null,
    user: entry.user ? { name: entry.user.name, passwordFile: entry.user.password_file } : null,
    pastMilliseconds: entry.hours * 3_600_000,
    timeoutMilliseconds: entry.timeout_seconds * 1000,
  }))
  .nullable()
  .default(null);
