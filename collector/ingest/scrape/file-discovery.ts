/** Targets from files (Prometheus: file_sd_config): JSON or YAML lists, read again when they change. */
import { globSync } from "node:fs";
import { z } from "zod";
import { loadConfigFile } from "../../../core/kit/config.ts";
import { describeError } from "../../../core/kit/errors.ts";
import { stampOf } from "../../../core/kit/file-stamp.ts";
import type { Discovery } from "./discovery.ts";
import type { TargetGroup } from "./target.ts";

export interface FileDiscoveryOptions {
  /** Paths; the last part may hold `*`. */
  readonly patterns: readonly string[];
  readonly onError: (sentence: string) => void;
}

interface KnownFile {
  stamp: string;
  groups: readonly TargetGroup[];
  error: string | null;
}

const maximumFiles = 1000;
const text = z.string().max(1024);

export const targetGroupsSchema: z.ZodType<readonly TargetGroup[]> = z
  .array(
    z.strictObject({
      targets: z.array(text.min(1)).max(100_000),
      labels: z.record(text.min(1), text).default({}),
    }),
  )
  .max(10_000);

export function createFileDiscovery(options: FileDiscoveryOptions): Discovery {
  const files = new Map<string, KnownFile>();

  /** True when the file's content is another than before. */
  function refresh(path: string): boolean {
    const known = files.get(path);
    const stamp = stampOf(path);
    if (known?.stamp === stamp) return false;
    try {
      const groups = loadConfigFile(path, targetGroupsSchema).map(({ targets, labels }) => ({
        targets,
        labels: { ...labels, __meta_filepath: path },
      }));
      files.set(path, { stamp, groups, error: null });
      return true;
    } catch (thrown) {
      const error = describeError(thrown);
      files.set(path, { stamp, groups: known?.groups ?? [], error });
      options.onError(error);
      return false;
    }
  }

  return {
    read() {
      const paths = new Set(options.patterns.flatMap(expand).slice(0, maximumFiles));
      let changed = false;
      for (const path of files.keys())
        if (!paths.has(path)) {
          files.delete(path);
          changed = true;
        }
      for (const path of paths) changed = refresh(path) || changed;
      return changed ? [...files.values()].flatMap(({ groups }) => groups) : null;
    },
    errors: () => [...files.values()].flatMap(({ error }) => (error === null ? [] : [error])),
    stop() {},
  };
}

/** A path without `*` is looked for even where there is no such file: that it can't be read is worth a sentence. */
function expand(pattern: string): string[] {
  return pattern.includes("*") ? globSync(pattern).toSorted() : [pattern];
}
