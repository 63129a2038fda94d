/** What a user may change of our rules. */
import { compare, type ComparisonCondition, type Condition } from "./expression.ts";
import type { Rule, Severity } from "./rule.ts";

export interface RuleOverride {
  readonly enabled?: boolean | undefined;
  readonly threshold?: number | undefined;
  readonly clear?: number | undefined;
  readonly forMilliseconds?: number | undefined;
  readonly keepFiringForMilliseconds?: number | undefined;
  readonly severity?: Severity | undefined;
}

/** The rule with the user's changes. A threshold without `clear` takes it along. Throws a RangeError. */
export function overrideRule(rule: Rule, override: RuleOverride): Rule {
  const condition = changeThreshold(rule.condition, override);
  return Object.freeze({
    ...rule,
    condition,
    forMilliseconds: override.forMilliseconds ?? rule.forMilliseconds,
    keepFiringForMilliseconds: override.keepFiringForMilliseconds ?? rule.keepFiringForMilliseconds,
    severity: override.severity ?? rule.severity,
  });
}

/** The threshold of a rule is that of its leftmost comparison: the others say where it applies. */
function changeThreshold(condition: Condition, override: RuleOverride): Condition {
  switch (condition.op) {
    case "and":
    case "unless": {
      const left = changeThreshold(condition.left, override);
      if (condition.sameThreshold !== true) return { ...condition, left };
      return { ...condition, left, right: changeThreshold(condition.right, override) };
    }
    case "lacks":
      return { ...condition, left: changeThreshold(condition.left, override) };
    default: {
      const right = override.threshold ?? condition.right;
      const clear = override.clear ?? clearFor(condition, right);
      const changed = compare(condition.left, condition.op, right, clear);
      checkClear(changed);
      return changed;
    }
  }
}

/** As far from the new threshold as it was from the old one; nearer in proportion where the new one is smaller, or a share would have to fall below zero to end its alert. */
function clearFor(
  { right: before, clear }: ComparisonCondition,
  threshold: number,
): number | undefined {
  if (clear === undefined) return undefined;
  const scale = before === 0 ? 1 : Math.min(1, Math.abs(threshold / before));
  // Without the last digits of a product of decimals.
  return Number((threshold + (clear - before) * scale).toPrecision(12));
}

/** Throws a RangeError when `clear` is on the wrong side of the threshold. */
export function checkClear(condition: Condition): void {
  if (!isComparison(condition) || condition.clear === undefined) return;
  const { op, right, clear } = condition;
  const wrong =
    (op.startsWith(">") && clear > right) ||
    (op.startsWith("<") && clear < right) ||
    op === "==" ||
    op === "!=";
  if (wrong)
    throw new RangeError(
      `clear (${clear}) must be on the good side of the threshold (${op} ${right})`,
    );
}

function isComparison(condition: Condition): condition is ComparisonCondition {
  return "clear" in condition || typeof condition.right === "number";
}
