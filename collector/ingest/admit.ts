/** Which series of a sender's schema are let in: as many as the bound allows, without label values that are too long. */
import type { Frame, Group, Schema, Series } from "../../core/wire/frame.ts";

export interface AdmissionLimits {
  readonly seriesPerOrigin: number;
  readonly labelValueLength: number;
}

export interface Admission {
  /** The sender's own schema when all of it came in. */
  readonly schema: Schema;
  /** Per slot of `schema` the sender's slot; null when they are the same. */
  readonly slots: Int32Array | null;
  readonly refusedForSeries: number;
  readonly refusedForLabels: number;
}

export function admitSchema(schema: Schema, limits: AdmissionLimits): Admission {
  const slots: number[] = [];
  let refusedForLabels = 0;
  let refusedForSeries = 0;
  schema.series.forEach((series, slot) => {
    if (!labelsFit(series, limits.labelValueLength)) refusedForLabels += 1;
    else if (slots.length >= limits.seriesPerOrigin) refusedForSeries += 1;
    else slots.push(slot);
  });
  if (refusedForLabels + refusedForSeries === 0)
    return { schema, slots: null, refusedForSeries, refusedForLabels };
  const kept = {
    ...schema,
    series: slots.map((slot) => schema.series[slot] as Series),
    groups: regroup(schema.groups, slots),
  };
  return { schema: kept, slots: Int32Array.from(slots), refusedForSeries, refusedForLabels };
}

/** What is wrong with the frame's shape, or null: its columns must hold what its schema declares. */
export function findMalformation(frame: Frame): string | null {
  const { schema } = frame;
  const count = schema.series.length;
  if (frame.values.length < count) return "fewer values than series";
  if (frame.present.length < Math.ceil(count / 8)) return "fewer presence bits than series";
  if (frame.timestamps.length < schema.groups.length) return "fewer timestamps than groups";
  let next = 0;
  for (const group of schema.groups) {
    if (group.first !== next || group.length < 0) return `group ${group.source} is out of place`;
    next += group.length;
  }
  return next === count ? null : "the groups don't cover the series";
}

function labelsFit(series: Series, maximumLength: number): boolean {
  return series.values.every((value) => value.length <= maximumLength);
}

/** Every group stays, so that timestamps keep their places; only its slots are counted anew. */
function regroup(groups: readonly Group[], slots: readonly number[]): Group[] {
  let next = 0;
  return groups.map((group) => {
    const first = next;
    while (next < slots.length && (slots[next] ?? 0) < group.first + group.length) next += 1;
    return { source: group.source, first, length: next - first };
  });
}
