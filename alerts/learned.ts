/** Rules over what the learned detectors found: tickets at most, since a learned verdict never pages by itself. */
import { findings } from "../core/catalog/index.ts";
import { age, compare, multiply, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const daySeconds = 86_400;
const weekSeconds = 7 * daySeconds;
/** Verdicts that are no longer told have ended while the detectors still report. */
const ended = { stillReported: findings.open, on: [] };

export const anomalyFinding = defineRule({
  name: "AnomalyFinding",
  condition: compare(value(findings.active, { detector: "anomaly" }), "==", 1),
  severity: "warning",
  component: "detector",
  summary: "{{ subject }} of {{ node }} is unlike itself: {{ metric }}",
  description:
    "The series left what it has been for long enough not to be chance. The collector's console tells the numbers: what it is and what is usual.",
  ended,
  source:
    "docs/detectors.md: the screen's calibrated score, held against the least change worth a person's time.",
});

export const limitForecast = defineRule({
  name: "LimitForecast",
  condition: compare(
    multiply(age(value(findings.forecastLimit)), -1),
    "<",
    weekSeconds,
    weekSeconds + daySeconds,
  ),
  severity: "warning",
  component: "detector",
  summary: "{{ subject }} of {{ node }} reaches its limit in {{ value | duration }}: {{ metric }}",
  description:
    "If it goes on as it does. The console and warpwatch_forecast_limit_* tell the date and its interval.",
  ended,
  source:
    "docs/detectors.md: Theil–Sen slope with Sen's interval; a forecast further off than a week is nobody's ticket yet. Ends a day further off, since each forecast moves the date.",
});

export const gpuFailureLikely = defineRule({
  name: "GpuFailureLikely",
  condition: compare(value(findings.failureProbability, { horizon: "30d" }), ">", 0.2, 0.15),
  severity: "warning",
  component: "gpu",
  summary:
    "GPU {{ gpu }} of {{ node }} fails within 30 days with a probability of {{ value | percent }}",
  description:
    "What was counted on {{ UUID }} (XIDs, ECC errors, remapped rows) makes it far likelier to fail than its peers. The console tells the reasons and the action.",
  ended,
  source:
    "docs/detectors.md: the published base rate of GPU failures, updated by what was counted on this GPU; drained at one in five.",
});
