/** Frames that come late, made fit for history: without the series and samples that the limits refuse. */
import { isPresent, setPresent, type Frame, type Schema } from "../../core/wire/frame.ts";
import { admitSchema, type Admission, type AdmissionLimits } from "./admit.ts";
import type { SampleCounts } from "./record.ts";

export interface LateAdmission {
  /** The sender's own frame where nothing of it is refused. */
  admit(
    frame: Frame,
    limits: AdmissionLimits,
    latestMilliseconds: number,
  ): { readonly frame: Frame; readonly counts: SampleCounts };
}

export function createLateAdmission(): LateAdmission {
  const admissions = new WeakMap<Schema, Admission>();

  function admissionOf(schema: Schema, limits: AdmissionLimits): Admission {
    const known = admissions.get(schema);
    if (known) return known;
    const made = admitSchema(schema, limits);
    admissions.set(schema, made);
    return made;
  }

  return {
    admit(frame, limits, latestMilliseconds) {
      const admission = admissionOf(frame.schema, limits);
      const counts: SampleCounts = {
        accepted: 0,
        future: 0,
        series: admission.refusedForSeries,
        labels: admission.refusedForLabels,
        outdated: 0,
      };
      const { schema, slots } = admission;
      const values = new Float64Array(schema.series.length);
      const present = new Uint8Array((schema.series.length + 7) >> 3);
      const timestamps = frame.timestamps.slice(0, schema.groups.length);
      schema.groups.forEach(({ first, length }, group) => {
        const time = timestamps[group] ?? 0;
        const usable = time > 0 && time <= latestMilliseconds;
        if (!usable) timestamps[group] = 0;
        for (let slot = first; slot < first + length; slot += 1) {
          const from = slots === null ? slot : (slots[slot] ?? 0);
          if (!isPresent(frame.present, from)) continue;
          if (!usable) {
            counts.future += 1;
            continue;
          }
          counts.accepted += 1;
          values[slot] = frame.values[from] ?? Number.NaN;
          setPresent(present, slot);
        }
      });
      return { frame: { ...frame, schema, timestamps, values, present }, counts };
    },
  };
}
