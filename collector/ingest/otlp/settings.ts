/** The settings of the OTLP receiver; docs/configuration.md tells what each does. */
import { z } from "zod";

export interface OtlpReceiverSettings {
  readonly enabled: boolean;
  /** Series of all senders together. */
  readonly maximumSeries: number;
  /** A request's body as it comes, and unpacked. */
  readonly bodyLimitBytes: number;
  readonly messageLimitBytes: number;
  readonly maximumPoints: number;
}

const mebibyte = 2 ** 20;

export const otlpReceiverSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    maximum_series: z.int().min(1).max(100_000_000).default(500_000),
    body_limit_bytes: z
      .int()
      .min(1024)
      .max(64 * mebibyte)
      .default(4 * mebibyte),
    message_limit_bytes: z
      .int()
      .min(1024)
      .max(64 * mebibyte)
      .default(16 * mebibyte),
    maximum_points: z.int().min(1).max(1_000_000).default(50_000),
  })
  .prefault({})
  .transform((entry): OtlpReceiverSettings => ({
    enabled: entry.enabled,
    maximumSeries: entry.maximum_series,
    bodyLimitBytes: entry.body_limit_bytes,
    messageLimitBytes: entry.message_limit_bytes,
    maximumPoints: entry.maximum_points,
  }));
