/** Rules over the names that GPUs of all makes share, for what the rules over NVIDIA's own don't see. */
import { gpuErrors, gpuNeutral } from "../core/catalog/index.ts";
import { compare, increase, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const fiveMinutes = 300_000;

export const uncorrectedErrors = defineRule({
  name: "GpuErrorsUncorrected",
  condition: compare(
    increase(
      value(gpuNeutral.errors, { kind: "uncorrected", vendor: { excludes: /nvidia/ } }),
      fiveMinutes,
    ),
    ">",
    0,
  ),
  severity: "warning",
  component: "gpu",
  summary: "the {{ vendor }} GPU {{ gpu }} of {{ node }} had errors that it could not correct",
  description:
    "A memory or unit of {{ UUID }} gave data that could not be repaired: the program that used it was ended or has wrong results. Where they come back, the GPU is due for return.",
  ended: { stillReported: gpuErrors.lost, on: ["UUID"] },
  source:
    "No tolerance: one ends a program. NVIDIA's are told by XIDs 48, 63, 64, 94 and 95, which say what to do, too.",
});
