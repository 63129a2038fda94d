/** What counts as evidence of a failing GPU, and how it is read from an origin's columns: counters that grow, states that hold. */
import { value, type Selection } from "../../../alerts/expression.ts";
import { gpuErrors } from "../../../core/catalog/index.ts";
import { harmlessActions, xidActions } from "../../../core/catalog/xid.ts";
import { isPresent } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import type { EvidenceKind } from "../failure.ts";
import { indexSchema, select, seriesLabels } from "../threshold/rows.ts";
import type { Subject } from "./finding.ts";
import { describeSeries } from "./signals.ts";

interface EvidenceWatch {
  readonly kind: EvidenceKind;
  readonly of: Selection;
  /** `growth`: a counter that grew. `burst`: one that grew faster than this per second. `state`: 1 while it holds. */
  readonly how: "growth" | "burst" | "state";
}

const burstPerSecond = 10;
const fatal = xidActions.filter((action) => !harmlessActions.has(action));
const application = xidActions.filter(
  (action) => harmlessActions.has(action) && action !== "ignore",
);
const oneOf = (actions: readonly string[]) => ({
  action: { matches: new RegExp(actions.join("|")) },
});

export const evidenceWatches: readonly EvidenceWatch[] = [
  { kind: "failure", of: value(gpuErrors.lost), how: "state" },
  { kind: "xid_fatal", of: value(gpuErrors.xidEvents, oneOf(fatal)), how: "growth" },
  { kind: "xid_application", of: value(gpuErrors.xidEvents, oneOf(application)), how: "growth" },
  { kind: "ecc_uncorrected", of: value(gpuErrors.eccDoubleBitVolatile), how: "growth" },
  { kind: "ecc_corrected_burst", of: value(gpuErrors.eccSingleBitVolatile), how: "burst" },
  { kind: "row_remap", of: value(gpuErrors.remappedUncorrectable), how: "growth" },
  { kind: "row_remap_failure", of: value(gpuErrors.remapFailure), how: "state" },
];

/** Numbers per watch: the last sum and the time of its sample. */
export const watchCells = 2;

export interface GpuSignals {
  readonly uuid: string;
  readonly gpu: string;
  readonly subject: Subject;
  /** Slots per evidence watch. */
  readonly slots: readonly Int32Array[];
}

export function bindGpus(state: OriginState): GpuSignals[] {
  const index = indexSchema(state.schema);
  const gpus = new Map<string, { first: number; slots: number[][] }>();
  evidenceWatches.forEach(({ of }, watch) => {
    for (const slot of select(state.schema, index, of)) {
      const uuid = seriesLabels(state.schema, slot)["UUID"];
      if (uuid === undefined) continue;
      const known = gpus.get(uuid) ?? { first: slot, slots: evidenceWatches.map(() => []) };
      known.slots[watch]?.push(slot);
      gpus.set(uuid, known);
    }
  });
  return Array.from(gpus, ([uuid, { first, slots }]) => ({
    uuid,
    gpu: seriesLabels(state.schema, first)["gpu"] ?? "",
    subject: describeSeries(state, first, ""),
    slots: slots.map((list) => Int32Array.from(list)),
  }));
}

/** True when this watch's samples are evidence now; `cells` are its own. The first sample only says where a counter stands. */
export function isEvidence(
  watch: EvidenceWatch,
  slots: Int32Array,
  state: OriginState,
  cells: Float64Array,
): boolean {
  let sum = 0;
  for (const slot of slots) {
    if (!isPresent(state.present, slot)) return false;
    sum += state.values[slot] ?? 0;
  }
  const time = state.times[slots[0] ?? 0] ?? 0;
  const before = cells[1] ?? 0;
  if (slots.length === 0 || time === before) return false;
  const grown = sum - (cells[0] ?? 0);
  cells[0] = sum;
  cells[1] = time;
  if (watch.how === "state") return sum > 0;
  if (before === 0 || grown <= 0) return false;
  return watch.how === "growth" || grown > (burstPerSecond * (time - before)) / 1000;
}
