/** The fleet file: which nodes and GPUs are expected, and what was taken away on purpose. */
import { z } from "zod";
import { loadConfigFile } from "../../core/kit/config.ts";
import { stampOf } from "../../core/kit/file-stamp.ts";
import { placeSchema, type NodePlace } from "./place.ts";

export interface FleetFile {
  readonly nodes: readonly {
    readonly name: string;
    readonly gpus?: number | undefined;
    readonly place?: NodePlace | undefined;
  }[];
  readonly removed: readonly { readonly node: string; readonly device?: string | undefined }[];
}

const name = z.string().min(1).max(253);

export const fleetFileSchema: z.ZodType<FleetFile> = z.strictObject({
  nodes: z
    .array(
      z.strictObject({
        name,
        gpus: z.int().min(0).max(1024).optional(),
        place: placeSchema.optional(),
      }),
    )
    .max(20_000)
    .default([]),
  removed: z
    .array(z.strictObject({ node: name, device: name.optional() }))
    .max(20_000)
    .default([]),
});

export interface WatchedFleetFile {
  /** The file's content when it changed since the last call, null otherwise. Throws ConfigError once per bad content. */
  read(): FleetFile | null;
}

/** Looks at the file's time and size: a mounted ConfigMap changes by a link that file events don't follow. */
export function watchFleetFile(file: string): WatchedFleetFile {
  let seen = "";
  return {
    read() {
      const now = stampOf(file);
      if (now === seen) return null;
      seen = now;
      return loadConfigFile(file, fleetFileSchema);
    },
  };
}
