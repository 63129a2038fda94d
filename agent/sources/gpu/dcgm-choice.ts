/** Which fields are read through DCGM, and into which metric the value of each goes: those of a file, or all that we know. */
import { cpuLabelNames, linkLabelNames, switchLabelNames } from "../../../core/catalog/dcgm.ts";
import { findDcgmField } from "../../../core/catalog/dcgm-fields.ts";
import { dcgmLabelNames } from "../../../core/catalog/gpu-labels.ts";
import { allMetrics } from "../../../core/catalog/index.ts";
import { openMetric, type Metric } from "../../../core/catalog/metric.ts";
import { entityGroups } from "../../probes/dcgm/layouts.ts";
import type { ReadingSet } from "../../probes/dcgm/messages.ts";

export interface ChosenField {
  readonly id: number;
  readonly name: string;
  /** A label's value is part of every series rather than one of its own. */
  readonly kind: "gauge" | "counter" | "label";
  readonly help: string;
  /** Of the file; 0 where no file asks for it. */
  readonly line: number;
}

export interface Choice {
  /** Another one for every choice. */
  readonly revision: number;
  readonly values: readonly ChosenField[];
  readonly labels: readonly ChosenField[];
  setOf(field: ChosenField): ReadingSet;
  /** The metric for a value of an entity of this group; the same object every time. */
  metricOf(field: ChosenField, group: number): Metric;
}

const labelsByGroup = new Map<number, readonly string[]>([
  [entityGroups.gpu, dcgmLabelNames],
  [entityGroups.gpuInstance, dcgmLabelNames],
  [entityGroups.switch, switchLabelNames],
  [entityGroups.link, linkLabelNames],
  [entityGroups.cpu, cpuLabelNames],
]);

/** What the catalogue has under a field's name, with the labels of one of the groups. */
const known = new Map<string, Metric>(
  allMetrics().flatMap((entry) => {
    if (!("name" in entry) || !findDcgmField(entry.name)) return [];
    const fits = [...labelsByGroup.values()].some((labels) => isSame(labels, entry.labels));
    return fits ? [[entry.name, entry]] : [];
  }),
);

export function knownMetric(name: string): Metric | undefined {
  return known.get(name);
}

export const knownMetrics: readonly Metric[] = [...known.values()];

/** Fields of the profiling module, as dcgm_fields.h numbers them; they move with the load. */
const profilingFields = { first: 1001, end: 1100 } as const;

let choices = 0;

/** Everything the catalogue has a name for. */
export function defaultFields(): ChosenField[] {
  return knownMetrics.map(({ name, kind, help }) => ({
    id: findDcgmField(name)?.id ?? 0,
    name,
    kind: kind === "counter" ? kind : "gauge",
    help,
    line: 0,
  }));
}

export function choose(fields: readonly ChosenField[]): Choice {
  // The driver's version is a label anyway.
  const labels = fields.filter(
    ({ kind, name }) => kind === "label" && !(dcgmLabelNames as readonly string[]).includes(name),
  );
  const made = new Map<string, Metric>();

  function make(field: ChosenField, base: readonly string[]): Metric {
    const listed = known.get(field.name);
    const all = [...base, ...labels.map(({ name }) => name)];
    if (listed && isSame(all, listed.labels)) return listed;
    if (listed && isSame(base, listed.labels)) return { ...listed, labels: all };
    const kind = field.kind === "counter" ? "counter" : "gauge";
    return { ...openMetric(field.name, kind, field.help, all), sampling: setOf(field) };
  }

  choices += 1;
  return {
    revision: choices,
    values: fields.filter(({ kind }) => kind !== "label"),
    labels,
    setOf,
    metricOf(field, group) {
      const base = labelsByGroup.get(group) ?? [];
      const key = `${field.id} ${base.join()}`;
      const metric = made.get(key) ?? make(field, base);
      made.set(key, metric);
      return metric;
    },
  };
}

function setOf({ id, name }: ChosenField): ReadingSet {
  const sampling = known.get(name)?.sampling;
  if (sampling !== undefined) return sampling === "fast" ? "fast" : "steady";
  return id >= profilingFields.first && id < profilingFields.end ? "fast" : "steady";
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}
