/** How one notifier is told: what it takes together, how long it waits, how often it repeats, and how much it takes at all. */
import { z } from "zod";
import { durationSchema } from "../../../core/kit/config.ts";

export interface Policy {
  /** Alerts with equal values of these labels are one incident; null: every alert is its own. */
  readonly groupBy: readonly string[] | null;
  /** How long an incident without a critical alert waits for others to join it. */
  readonly waitMilliseconds: number;
  /** At least this long between two updates. */
  readonly intervalMilliseconds: number;
  /** What nobody acknowledged is told again after this long; 0 for never. */
  readonly repeatMilliseconds: number;
  readonly rate: Rate | null;
  /** `info` is gathered this long and told as one; 0: it is told like anything else. */
  readonly digestMilliseconds: number;
  /** With more incidents than this within a minute there is a summary of them; 0 for none. */
  readonly storm: number;
  /** The service keeps what it was told open until it is told of the end, and calls people by it. */
  readonly keepsIncidents: boolean;
  /** It is told who acknowledged. */
  readonly hearsAcknowledgements: boolean;
}

export interface Rate {
  readonly notifications: number;
  readonly perMilliseconds: number;
}

/** For receivers that group by themselves. */
export const eachAlone: Policy = {
  groupBy: null,
  waitMilliseconds: 0,
  intervalMilliseconds: 30_000,
  repeatMilliseconds: 0,
  rate: null,
  digestMilliseconds: 0,
  storm: 0,
  keepsIncidents: true,
  hearsAcknowledgements: false,
};

const hour = 3_600_000;
const programs: Policy = { ...eachAlone, hearsAcknowledgements: true };
const pagers: Policy = {
  ...programs,
  groupBy: ["alertname", "cluster", "node"],
  waitMilliseconds: 5000,
  rate: { notifications: 60, perMilliseconds: 60_000 },
  storm: 20,
};
const chats: Policy = {
  ...pagers,
  repeatMilliseconds: 4 * hour,
  digestMilliseconds: hour,
  keepsIncidents: false,
};

const defaults = {
  alertmanager: eachAlone,
  webhook: programs,
  stdout: programs,
  pagerduty: pagers,
  opsgenie: pagers,
  slack: chats,
  teams: chats,
} as const satisfies Record<string, Policy>;

/** Stands for all labels, as in Alertmanager's configuration. */
const allLabels = "...";

const between = (least: number, most: number, said: string) =>
  durationSchema.refine((value) => value >= least && value <= most, `must be ${said}`);
const labelSchema = z
  .string()
  .regex(/^([a-zA-Z_][a-zA-Z0-9_]*|\.\.\.)$/, 'is not a label name, nor "..." for all labels');
export const repeatSchema = durationSchema.refine(
  (value) => value === 0 || value >= 60_000,
  "must be 1m or more, or 0 for never",
);

/** Settings that every notifier but Alertmanager has; what is left out is as its type has it. */
export const policyFields = {
  group_by: z
    .array(labelSchema)
    .max(16)
    .refine((labels) => labels.length < 2 || !labels.includes(allLabels), {
      message: 'has labels beside "...", which stands for all of them',
    })
    .optional(),
  group_wait: between(0, 600_000, "10m or less").optional(),
  group_interval: between(1000, hour, "between 1s and 1h").optional(),
  repeat_interval: repeatSchema.optional(),
  rate: z
    .union(
      [
        z.literal("none"),
        z.strictObject({
          notifications: z.int().min(1).max(100_000),
          per: between(1000, 24 * hour, "between 1s and 1d"),
        }),
      ],
      {
        error: "must be none, or as in {notifications: 60, per: 1m}, with 1s to 1d",
      },
    )
    .optional(),
  digest: durationSchema
    .refine((value) => value === 0 || (value >= 60_000 && value <= 24 * hour), {
      message: "must be between 1m and 1d, or 0 to tell info like anything else",
    })
    .optional(),
  storm: z.int().min(0).max(100_000).optional(),
};

type PolicySettings = Partial<z.infer<z.ZodObject<typeof policyFields>>> & {
  readonly type: keyof typeof defaults;
};

export function policyOf(settings: PolicySettings): Policy {
  const own = defaults[settings.type];
  const { group_by: groupBy, rate } = settings;
  return {
    ...own,
    groupBy: groupBy === undefined ? own.groupBy : groupedBy(groupBy),
    waitMilliseconds: settings.group_wait ?? own.waitMilliseconds,
    intervalMilliseconds: settings.group_interval ?? own.intervalMilliseconds,
    repeatMilliseconds: settings.repeat_interval ?? own.repeatMilliseconds,
    rate: rate === undefined ? own.rate : rateOf(rate),
    digestMilliseconds: settings.digest ?? own.digestMilliseconds,
    storm: settings.storm ?? own.storm,
  };
}

function groupedBy(labels: readonly string[]): readonly string[] | null {
  return labels.includes(allLabels) ? null : labels;
}

function rateOf(rate: NonNullable<PolicySettings["rate"]>): Rate | null {
  if (rate === "none") return null;
  return { notifications: rate.notifications, perMilliseconds: rate.per };
}
