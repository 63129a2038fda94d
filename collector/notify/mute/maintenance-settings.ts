/** The `maintenance` section of the collector's configuration: windows that open by a cron expression. */
import { z } from "zod";
import { durationSchema } from "../../../core/kit/config.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import type { SilenceMatcher } from "../../state/silences.ts";
import { checkTimezone, createCronStarts } from "./cron-starts.ts";
import { matchesNothingNamed, maximumMatchers, parseMatcher } from "./matcher.ts";

export interface MaintenanceSettings {
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  readonly durationMilliseconds: number;
  readonly matchers: readonly SilenceMatcher[];
  readonly comment: string;
}

const minute = 60_000;
const week = 7 * 24 * 60 * minute;
const maximumWindows = 100;

const matcherSchema = z
  .string()
  .max(4096)
  .transform((text, context): SilenceMatcher => orIssue(context, () => parseMatcher(text)));

const windowSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w][\w .:/-]{0,99}$/, "must be 1 to 100 letters, digits, spaces or .:/-"),
    cron: z.string().max(256),
    timezone: z
      .string()
      .max(64)
      .default("UTC")
      .superRefine((name, context) => orIssue(context, () => checkTimezone(name))),
    duration: durationSchema.refine(
      (value) => value >= minute && value <= week,
      "must be between 1m and 168h",
    ),
    match: z.record(z.string().min(1).max(128), z.string().max(1024)).default({}),
    matchers: z.array(matcherSchema).max(maximumMatchers).default([]),
    /** Said on purpose: the whole fleet. */
    everything: z.literal(true).optional(),
    comment: z.string().max(1024).default(""),
  })
  .transform((entry, context): MaintenanceSettings => {
    const matchers = [
      ...Object.entries(entry.match).map(([name, value]) => ({
        name,
        value,
        isRegex: false,
        isEqual: true,
      })),
      ...entry.matchers,
    ];
    if (!entry.everything && matchesNothingNamed(matchers))
      context.addIssue({
        code: "custom",
        path: [matchers.length === 0 ? "match" : "matchers"],
        message: "would silence the whole fleet: say which alerts, or say everything: true",
      });
    return {
      name: entry.name,
      cron: entry.cron,
      timezone: entry.timezone,
      durationMilliseconds: entry.duration,
      matchers,
      comment: entry.comment,
    };
  })
  .superRefine(({ cron }, context) => {
    orIssue(context, () => createCronStarts(cron, "UTC"), ["cron"]);
  });

export const maintenanceSchema = z
  .array(windowSchema)
  .max(maximumWindows)
  .superRefine((windows, context) => {
    windows.forEach(({ name }, index) => {
      if (windows.findIndex((other) => other.name === name) < index)
        context.addIssue({ code: "custom", path: [index, "name"], message: "is there twice" });
    });
  })
  .default([]);

/** What the call throws becomes an issue at that place. */
function orIssue<Result>(
  context: z.RefinementCtx,
  call: () => Result,
  path: readonly string[] = [],
): Result {
  try {
    return call();
  } catch (thrown) {
    if (!(thrown instanceof WarpwatchError)) throw thrown;
    context.addIssue({ code: "custom", path: [...path], message: thrown.message });
    return z.NEVER;
  }
}
