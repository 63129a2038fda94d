/** Tiered escalation: who is told at once, and who after how long without an acknowledgement; the section `escalation`. */
import { z } from "zod";
import { durationSchema } from "../../../core/kit/config.ts";
import { describeError } from "../../../core/kit/errors.ts";
import { compilePattern } from "../../../core/kit/pattern.ts";
import type { Alert } from "../../state/alert.ts";
import type { EscalationStep } from "../../state/notification.ts";
import { labelOf } from "./grouping.ts";
import { repeatSchema } from "./policy.ts";

export interface Escalation {
  readonly name: string;
  readonly matches: (alert: Alert) => boolean;
  /** The earliest first. */
  readonly tiers: readonly {
    readonly afterMilliseconds: number;
    readonly notifiers: readonly string[];
  }[];
  /** Null: as the notifier has it. */
  readonly repeatMilliseconds: number | null;
}

/** When a notifier is told of an alert. */
export interface Route {
  readonly afterMilliseconds: number;
  /** Null: as the notifier has it. */
  readonly repeatMilliseconds: number | null;
  /** Null for the first tier, and where nothing escalates. */
  readonly step: EscalationStep | null;
}

const matchSchema = z
  .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is not a label name"), z.string().max(1024))
  .default({})
  .transform((entries, context) => {
    const tests = Object.entries(entries).map(([label, wanted]) => {
      const pattern = /^\/(.*)\/$/s.exec(wanted)?.[1];
      if (pattern === undefined) return (alert: Alert) => labelOf(alert, label) === wanted;
      try {
        const compiled = compilePattern(pattern, { anchored: true });
        return (alert: Alert) => compiled.test(labelOf(alert, label));
      } catch (thrown) {
        context.addIssue({ code: "custom", path: [label], message: describeError(thrown) });
        return () => false;
      }
    });
    return (alert: Alert): boolean => tests.every((test) => test(alert));
  });

const tierSchema = z.strictObject({
  after: durationSchema.refine((value) => value <= 7 * 86_400_000, "must be 7d or less"),
  notifiers: z.array(z.string()).min(1).max(32),
});

const escalationSchema = z
  .strictObject({
    name: z.string().min(1).max(63),
    match: matchSchema,
    tiers: z.array(tierSchema).min(1).max(10),
    repeat: repeatSchema.optional(),
  })
  .superRefine(({ tiers }, context) => {
    const named = new Set<string>();
    tiers.forEach(({ after, notifiers }, index) => {
      const before = tiers[index - 1];
      if (before && after <= before.after)
        context.addIssue({
          code: "custom",
          path: ["tiers", index, "after"],
          message: "must be later than the tier before",
        });
      notifiers.forEach((name, position) => {
        if (named.has(name))
          context.addIssue({
            code: "custom",
            path: ["tiers", index, "notifiers", position],
            message: `"${name}" stands in this escalation twice`,
          });
        named.add(name);
      });
    });
  })
  .transform(({ name, match, tiers, repeat }): Escalation => ({
    name,
    matches: match,
    tiers: tiers.map(({ after, notifiers }) => ({ afterMilliseconds: after, notifiers })),
    repeatMilliseconds: repeat ?? null,
  }));

export const escalationsSchema = z
  .array(escalationSchema)
  .max(100)
  .superRefine((entries, context) => {
    entries.forEach(({ name }, index) => {
      if (entries.findIndex((other) => other.name === name) < index)
        context.addIssue({ code: "custom", path: [index, "name"], message: "is there twice" });
    });
  })
  .default([]);

/** Every notifier that is named and isn't there, with its path below `escalation`. */
export function unknownNotifiers(
  escalations: readonly Escalation[],
  known: ReadonlySet<string>,
): { readonly path: (string | number)[]; readonly name: string }[] {
  return escalations.flatMap(({ tiers }, index) =>
    tiers.flatMap(({ notifiers }, tier) =>
      notifiers.flatMap((name, position) =>
        known.has(name) ? [] : [{ path: [index, "tiers", tier, "notifiers", position], name }],
      ),
    ),
  );
}

const atOnce: Route = { afterMilliseconds: 0, repeatMilliseconds: null, step: null };

/**
 * Says when a notifier (by the name in the configuration) is told of an alert; null for not at all. The first escalation that
 * matches decides over every notifier that any escalation names; the others are told at once, and so is everybody of
 * an alert that no escalation matches: nothing is lost silently.
 */
export function createRouting(
  escalations: readonly Escalation[],
): (alert: Alert, notifier: string) => Route | null {
  const escalating = new Set(
    escalations.flatMap(({ tiers }) => tiers.flatMap(({ notifiers }) => notifiers)),
  );
  return (alert, notifier) => {
    if (!escalating.has(notifier)) return atOnce;
    const escalation = escalations.find(({ matches }) => matches(alert));
    if (!escalation) return atOnce;
    const { name, tiers, repeatMilliseconds } = escalation;
    const index = tiers.findIndex(({ notifiers }) => notifiers.includes(notifier));
    const tier = tiers[index];
    if (!tier) return null;
    const { afterMilliseconds } = tier;
    const step = index === 0 ? null : { name, tier: index + 1, afterMilliseconds };
    return { afterMilliseconds, repeatMilliseconds, step };
  };
}
