/** What of a job's settings is taken and doesn't do what it does in Prometheus: no mistake, but something to say at the start. */
import { z } from "zod";
import { relabelRulesSchema } from "./relabel-config.ts";
import type { RelabelRule } from "./relabel.ts";

/** A frame's series go by these: metric relabelling can't take them away. */
const originLabels = ["job", "instance", "node"] as const;

const relabelCaution = z.unknown().superRefine((given, context) => {
  const lost = relabelRulesSchema.safeParse([given]).data?.flatMap(takenAway) ?? [];
  if (lost.length === 0) return;
  const message = `can't take ${lost.join(", ")} from a series: the target's own stays`;
  context.addIssue({ code: "custom", message });
});

const timestampCaution = z
  .unknown()
  .refine((given) => given !== true, "has no effect: a sample has the time of its scrape");

const jobCautions = z
  .array(
    z.looseObject({
      honor_timestamps: timestampCaution.optional(),
      metric_relabel_configs: z.array(relabelCaution).nullish(),
    }),
  )
  .nullish();

/** For a configuration that is valid: what it complains of is what should be said. */
export const scrapeCautions = z.looseObject({ scrape: jobCautions, scrape_configs: jobCautions });

function takenAway(rule: RelabelRule): string[] {
  const { action, regex, targetLabel, replacement } = rule;
  return originLabels.filter((name) => {
    if (action === "labeldrop") return regex.test(name);
    if (action === "labelkeep") return !regex.test(name);
    return action === "replace" && targetLabel === name && replacement === "";
  });
}
