/** Cases of the rules over what GPUs of all makes share. */
import { gpuErrors, gpuNeutral } from "../../../core/catalog/index.ts";
import { rising, uuid, type MakeCase } from "./case.ts";

export const neutralCases: readonly MakeCase[] = [
  () => {
    const counted = rising();
    return {
      rule: "GpuErrorsUncorrected",
      scene: (errors, second) => [
        {
          metric: gpuNeutral.errors,
          labels: { ...uuid, vendor: "amd", kind: "uncorrected" },
          value: counted(errors, second),
        },
        // Neither of these is this rule's.
        {
          metric: gpuNeutral.errors,
          labels: { ...uuid, vendor: "amd", kind: "corrected" },
          value: 5 * second,
        },
        {
          metric: gpuNeutral.errors,
          labels: { gpu: "1", UUID: "GPU-2", vendor: "nvidia", kind: "uncorrected" },
          value: 5 * second,
        },
        { metric: gpuErrors.lost, labels: uuid, value: 0 },
      ],
      // Half an error in the five minutes.
      fires: 0.5 / 300,
      below: 0,
      clears: 0,
    };
  },
];
