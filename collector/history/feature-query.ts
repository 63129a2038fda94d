/** Daily features of years by day, node, device and metric: read from their files in a child process, a page at a time. */
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { JobRunner } from "./child.ts";
import { listFeatureDays, type FeatureDay } from "./feature-days.ts";
import type { FeatureRow } from "./job.ts";
import type { CheckFiles } from "./soundness.ts";
import { createTurns } from "./turns.ts";

export interface FeatureQuery {
  /** `2026-01-31`, in UTC; both days count. */
  readonly from: string;
  readonly to: string;
  /** Empty: any. */
  readonly node: string;
  readonly device: string;
  readonly metric: string;
  readonly limit: number;
  /** Rows that earlier pages had. */
  readonly skip: number;
}

export interface FeaturePage {
  /** By day, node, kind, device, metric and labels. */
  readonly rows: readonly FeatureRow[];
  /** What the next page skips; null when there are no more rows. */
  readonly next: number | null;
}

/** Throws LIMIT_REACHED when too many ask; HISTORY_FAILED. */
export type RunFeatureQuery = (query: FeatureQuery) => Promise<FeaturePage>;

export interface FeatureQueryOptions {
  readonly folder: string;
  readonly checkFeatures: CheckFiles<FeatureDay>;
  readonly sqlite: DatabaseSync;
  readonly jobs: JobRunner;
  readonly memoryMebibytes: number;
}

const maximumRunning = 1;
const maximumWaiting = 8;

export function createFeatureQuery(options: FeatureQueryOptions): RunFeatureQuery {
  const takeTurn = createTurns(maximumRunning, maximumWaiting);
  return (query) =>
    takeTurn(async () => {
      const { from, to, node, device, metric, limit, skip } = query;
      const days = listFeatureDays(options.sqlite).filter(({ day }) => day >= from && day <= to);
      await options.checkFeatures(days);
      const files = days.map(({ file }) => join(options.folder, file));
      if (files.length === 0) return { rows: [], next: null };
      const { memoryMebibytes } = options;
      const asked = { node, device, metric, rows: limit, skip, memoryMebibytes };
      const answer = await options.jobs.queryFeatures({ kind: "feature-query", files, ...asked });
      const isMore = answer.rows.length > limit;
      return { rows: answer.rows.slice(0, limit), next: isMore ? skip + limit : null };
    });
}
