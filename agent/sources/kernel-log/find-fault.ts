/** Which fault a line of the kernel log tells of. */
import type { KernelSeverity } from "../../../core/catalog/kernel-log.ts";
import type { EventKind } from "../../../core/wire/event.ts";
import type { Finding, Pattern } from "./finding.ts";
import { gpuPatterns } from "./gpu-patterns.ts";
import { hostPatterns } from "./host-patterns.ts";

const patterns: readonly Pattern[] = [...gpuPatterns, ...hostPatterns];

/** The kernel's own lines are shorter; expressions don't run over more. */
const longestText = 1024;

/** The first that fits; undefined for a line that tells of no fault. */
export function findFault(text: string): Finding | undefined {
  const line = text.slice(0, longestText);
  for (const pattern of patterns) {
    const match = pattern.expression.exec(line);
    if (match) return pattern.read(match.groups ?? {});
  }
  return undefined;
}

/** Every kind and severity that can be found, once each. */
export function everyKind(): { readonly kind: EventKind; readonly severity: KernelSeverity }[] {
  const keys = new Map(
    patterns.flatMap(({ kind, severities }) =>
      severities.map((severity) => [`${kind} ${severity}`, { kind, severity }] as const),
    ),
  );
  return [...keys.values()];
}
