/** What is kept on disk, for how long and how much of it; docs/configuration.md tells what each setting does. */
import { z } from "zod";

export interface HistorySettings {
  readonly enabled: boolean;
  readonly retentionMilliseconds: number;
  readonly rawMilliseconds: number;
  readonly eventsMilliseconds: number;
  readonly featuresMilliseconds: number;
  readonly maximumBytes: number;
}

const dayMilliseconds = 86_400_000;
const yearMilliseconds = 365.25 * dayMilliseconds;
const years = z.int().min(1).max(50).default(5);

export const historySchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    retention_days: z.int().min(1).max(3650).default(30),
    raw_hours: z.int().min(1).max(87_600).default(24),
    events_years: years,
    features_years: years,
    maximum_bytes: z
      .int()
      .min(64 * 2 ** 20)
      .default(20 * 2 ** 30),
  })
  .prefault({})
  .transform((entry): HistorySettings => ({
    enabled: entry.enabled,
    retentionMilliseconds: entry.retention_days * dayMilliseconds,
    rawMilliseconds: entry.raw_hours * 3_600_000,
    eventsMilliseconds: entry.events_years * yearMilliseconds,
    featuresMilliseconds: entry.features_years * yearMilliseconds,
    maximumBytes: entry.maximum_bytes,
  }));
