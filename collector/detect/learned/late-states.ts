/** States that only late frames tell: a GPU that was lost and came back while nothing reached the collector. */
import { isPresent, type Frame, type Schema } from "../../../core/wire/frame.ts";
import type { EvidenceKind } from "../failure.ts";
import { indexSchema, select, seriesLabels } from "../threshold/rows.ts";
import { evidenceWatches } from "./failure-signals.ts";

export interface LateState {
  readonly uuid: string;
  readonly kind: EvidenceKind;
  /** Index in `evidenceWatches`. */
  readonly watch: number;
  readonly timeMilliseconds: number;
}

type Bound = readonly (Omit<LateState, "timeMilliseconds"> & { readonly slot: number })[];

/** What holds in a late frame; the counters' growth shows in the next live frame by itself. */
export function createLateStates(): (frame: Frame) => LateState[] {
  const bindings = new WeakMap<Schema, Bound>();
  return (frame) => {
    const { schema, values, present, timestamps } = frame;
    let bound = bindings.get(schema);
    if (!bound) bindings.set(schema, (bound = bind(schema)));
    return bound.flatMap(({ slot, ...state }) => {
      if (!isPresent(present, slot) || !((values[slot] ?? 0) > 0)) return [];
      const group = schema.groups.findIndex((one) => slot < one.first + one.length);
      return [{ ...state, timeMilliseconds: timestamps[group] ?? 0 }];
    });
  };
}

function bind(schema: Schema): Bound {
  const index = indexSchema(schema);
  return evidenceWatches.flatMap(({ kind, of, how }, watch) => {
    if (how !== "state") return [];
    return Array.from(select(schema, index, of)).flatMap((slot) => {
      const uuid = seriesLabels(schema, slot)["UUID"];
      return uuid === undefined ? [] : [{ uuid, kind, watch, slot }];
    });
  });
}
