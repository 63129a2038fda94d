/** What the fleet learned, as it is kept over a restart: nodes, their GPUs and removals. */
import { z } from "zod";
import type { KnownGpu } from "./member.ts";
import type { Removal } from "./removals.ts";

export interface FleetRecord {
  readonly nodes: readonly {
    readonly name: string;
    readonly gpus: readonly KnownGpu[];
    /** It was a node of the cluster: when the cluster no longer has it, it was taken away. */
    readonly inCluster: boolean;
  }[];
  readonly removals: readonly Removal[];
}

export interface FleetStore {
  /** What was saved, or null. */
  load(): unknown;
  /** Durable when it returns. */
  save(record: FleetRecord): void;
}

const schema: z.ZodType<FleetRecord> = z.object({
  nodes: z.array(
    z.object({
      name: z.string(),
      gpus: z.array(
        z.object({ id: z.string(), index: z.string(), model: z.string(), reporter: z.string() }),
      ),
      inCluster: z.boolean().default(false),
    }),
  ),
  removals: z.array(
    z.object({
      node: z.string(),
      device: z.string().nullable(),
      source: z.enum(["file", "request", "kubernetes"]),
      plannedAtMilliseconds: z.number(),
      gone: z.boolean(),
    }),
  ),
});

/** The saved record, or null when there is none or another version wrote it: the fleet is then learned anew. */
export function readFleetRecord(store: FleetStore): FleetRecord | null {
  const result = schema.safeParse(store.load());
  return result.success ? result.data : null;
}
