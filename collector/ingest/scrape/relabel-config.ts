/** The schema of relabelling rules: Prometheus' keys, defaults and refusals (relabel_config). */
import { z } from "zod";
import { describeError } from "../../../core/kit/errors.ts";
import { compilePattern } from "../../../core/kit/pattern.ts";
import { labelNamePattern, relabelActions, type RelabelRule } from "./relabel.ts";

const defaults = { regex: "(.*)", separator: ";", replacement: "$1" } as const;
/** YAML takes `true` and `9400` for something else than text. */
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const text = scalar.pipe(z.string().max(4096));
/** A label's name in which `$1` and its like may stand. */
const template = /^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$/;

const entrySchema = z.strictObject({
  source_labels: z
    .array(z.string().regex(labelNamePattern, "is not a label's name"))
    .max(100)
    .optional(),
  separator: text.optional(),
  regex: text.nullish(),
  modulus: z.int().min(0).default(0),
  target_label: text.optional(),
  replacement: text.optional(),
  action: z
    .string()
    .toLowerCase()
    .pipe(z.enum(relabelActions, `is one of ${relabelActions.join(", ")}`))
    .default("replace"),
});
type Entry = z.output<typeof entrySchema>;

export const relabelRulesSchema: z.ZodType<readonly RelabelRule[]> = z
  .array(
    entrySchema.transform((entry, context): RelabelRule => {
      const refuse = (key: keyof Entry, message: string): typeof z.NEVER => {
        context.addIssue({ code: "custom", path: [key], message });
        return z.NEVER;
      };
      const complaint = complaintAbout(entry);
      if (complaint !== null) return refuse(...complaint);
      let regex: RegExp;
      try {
        regex = compilePattern(entry.regex ?? (entry.regex === null ? "" : defaults.regex), {
          anchored: true,
        });
      } catch (thrown) {
        return refuse("regex", describeError(thrown));
      }
      return {
        action: entry.action,
        sourceLabels: entry.source_labels ?? [],
        separator: entry.separator ?? defaults.separator,
        regex,
        modulus: entry.modulus,
        targetLabel: entry.target_label ?? "",
        replacement: entry.replacement ?? defaults.replacement,
      };
    }),
  )
  .max(1000);

type Complaint = readonly [key: keyof Entry, message: string];

const needTarget: ReadonlySet<string> = new Set([
  "replace",
  "hashmod",
  "lowercase",
  "uppercase",
  "keepequal",
  "dropequal",
]);
/** Keys that an action has no use for, where Prometheus refuses them too. */
const useless: Readonly<Record<string, readonly (keyof Entry)[]>> = {
  lowercase: ["replacement"],
  uppercase: ["replacement"],
  keepequal: ["regex", "modulus", "separator", "replacement"],
  dropequal: ["regex", "modulus", "separator", "replacement"],
  labeldrop: ["source_labels", "target_label", "modulus", "separator", "replacement"],
  labelkeep: ["source_labels", "target_label", "modulus", "separator", "replacement"],
};

function complaintAbout(entry: Entry): Complaint | null {
  const { action, target_label: target = "", modulus, replacement } = entry;
  if (action === "hashmod" && modulus === 0) return ["modulus", "hashmod needs 1 or more"];
  if (needTarget.has(action)) {
    if (target === "") return ["target_label", `${action} needs it`];
    const isName =
      action === "replace" && target.includes("$")
        ? template.test(target)
        : labelNamePattern.test(target);
    if (!isName) return ["target_label", `"${target}" is not a label's name`];
  }
  if (action === "labelmap" && !template.test(replacement ?? defaults.replacement))
    return ["replacement", `"${replacement ?? ""}" is not a label's name`];
  const key = useless[action]?.find((one) => entry[one] !== undefined && !isDefault(one, entry));
  return key === undefined ? null : [key, `${action} has no use for it`];
}

function isDefault(key: keyof Entry, entry: Entry): boolean {
  if (key === "modulus") return entry.modulus === 0;
  return key in defaults && entry[key] === defaults[key as keyof typeof defaults];
}
