/** What tells expressions apart: those with the same key are compiled once, and a window is found again by it. */
import type { Expression } from "../../../alerts/expression.ts";

export function keyOfExpression(expression: Expression): string {
  return JSON.stringify(expression, (name, part: unknown) => {
    if (part instanceof RegExp) return String(part);
    return name === "metric" ? (part as { name: string }).name : part;
  });
}
