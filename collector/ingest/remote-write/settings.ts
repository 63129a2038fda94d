/** The settings of the remote-write receiver; docs/configuration.md tells what each does. */
import { z } from "zod";

export interface RemoteWriteSettings {
  readonly enabled: boolean;
  /** Series of all origins together. */
  readonly maximumSeries: number;
  /** A request's body as it comes, and unpacked. */
  readonly bodyLimitBytes: number;
  readonly messageLimitBytes: number;
}

const mebibyte = 2 ** 20;

export const remoteWriteReceiverSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    maximum_series: z.int().min(1).max(100_000_000).default(2_000_000),
    body_limit_bytes: z
      .int()
      .min(1024)
      .max(64 * mebibyte)
      .default(8 * mebibyte),
    message_limit_bytes: z
      .int()
      .min(1024)
      .max(256 * mebibyte)
      .default(64 * mebibyte),
  })
  .prefault({})
  .transform((entry): RemoteWriteSettings => ({
    enabled: entry.enabled,
    maximumSeries: entry.maximum_series,
    bodyLimitBytes: entry.body_limit_bytes,
    messageLimitBytes: entry.message_limit_bytes,
  }));
