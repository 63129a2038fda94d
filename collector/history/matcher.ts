/** Which series a query asks for: a metric, and labels that must have exactly the given value. */
import type { Schema } from "../../core/wire/frame.ts";
import { nameSeries, type SeriesName } from "./sample.ts";

export interface Matcher {
  readonly metric: string;
  /** `node` is the node; an empty value is a label that isn't there. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The slots of the schema that match, with the names of their series. */
export function matchingSlots(schema: Schema, matcher: Matcher): Map<number, SeriesName> {
  const slots = new Map<number, SeriesName>();
  schema.series.forEach(({ metric }, slot) => {
    if (metric.name !== matcher.metric) return;
    const name = nameSeries(schema, slot);
    if (matches(name, matcher)) slots.set(slot, name);
  });
  return slots;
}

function matches(name: SeriesName, matcher: Matcher): boolean {
  const labels = JSON.parse(name.labels) as Record<string, string>;
  return Object.entries(matcher.labels).every(([label, value]) =>
    // A metric may have a label of that name too: dcgm's and ours both speak of nodes.
    label === "node" && labels[label] === undefined
      ? name.node === value
      : (labels[label] ?? "") === value,
  );
}
