/** One node of the fleet: which of its origins report, which GPUs it has and which it should have. */
import { targetUp } from "../../core/catalog/collector.ts";
import { lost } from "../../core/catalog/gpu-errors.ts";
import { isPresent, type Schema } from "../../core/wire/frame.ts";
import { noPlace, type NodePlace } from "./place.ts";
import { silentAfterMilliseconds, type OriginState } from "../origin.ts";

export interface KnownGpu {
  /** Its UUID. */
  readonly id: string;
  /** The driver's index when it was last seen: `3`. */
  readonly index: string;
  readonly model: string;
  /** The origin that reported it. */
  readonly reporter: string;
}

export type NodeState = "up" | "unknown" | "gone";

export interface Member {
  readonly name: string;
  /** From the fleet file; null where it says nothing. */
  expectedGpus: number | null;
  /** As the fleet file has it. */
  filePlace: NodePlace;
  /** As the cluster has it. */
  clusterPlace: NodePlace;
  inCluster: boolean;
  /** As many as were last seen at once, missing ones among them. */
  learned: ReadonlyMap<string, KnownGpu>;
  readonly origins: Map<string, Reporter>;
  /** On the monotonic clock: since when the node has been waited for. */
  readonly awaitedSince: number;
}

interface Reporter {
  schema: Schema | null;
  /** The slot of `up`, or -1: a target that could not be scraped tells nothing of its node. */
  upSlot: number;
  gpus: ReadonlyMap<string, KnownGpu>;
  /** Where an agent says that it has lost a GPU it goes on listing, by slot. */
  lostSlots: ReadonlyMap<number, string>;
  /** Those of its GPUs that are lost now. */
  lost: ReadonlySet<string>;
  /** On the monotonic clock: its last frame that tells something; -1 before the first. */
  answered: number;
  periodMilliseconds: number;
}

export interface Census {
  readonly state: NodeState;
  /** One of those who report did so within twice its period. */
  readonly fresh: boolean;
  /** The GPUs listed now; null while those who list them don't report. */
  readonly present: ReadonlyMap<string, KnownGpu> | null;
}

const maximumGpus = 1024;
const maximumOrigins = 64;
const noGpus: ReadonlySet<string> = new Set();

export function createMember(name: string, monotonic: number): Member {
  return {
    name,
    expectedGpus: null,
    filePlace: noPlace,
    clusterPlace: noPlace,
    inCluster: false,
    learned: new Map(),
    origins: new Map(),
    awaitedSince: monotonic,
  };
}

export function observe(member: Member, state: OriginState): void {
  let reporter = member.origins.get(state.key);
  if (!reporter) {
    if (member.origins.size >= maximumOrigins) return;
    reporter = {
      schema: null,
      upSlot: -1,
      gpus: new Map(),
      lostSlots: new Map(),
      lost: noGpus,
      answered: -1,
      periodMilliseconds: 0,
    };
    member.origins.set(state.key, reporter);
  }
  if (reporter.schema !== state.schema) {
    reporter.schema = state.schema;
    reporter.upSlot = state.schema.series.findIndex(({ metric }) => metric.name === targetUp.name);
    reporter.gpus = gpusOf(state.schema, state.key, member.name);
    reporter.lostSlots = lostSlotsOf(state.schema);
  }
  reporter.lost = lostNow(reporter.lostSlots, state);
  const { upSlot } = reporter;
  const failed = upSlot >= 0 && isPresent(state.present, upSlot) && state.values[upSlot] !== 1;
  if (!failed) reporter.answered = state.arrivedMonotonic;
  reporter.periodMilliseconds = state.periodMilliseconds;
}

/** How the node stands at this moment. */
export function takeCensus(member: Member, monotonic: number, goneMilliseconds: number): Census {
  const present = new Map<string, KnownGpu>();
  const reporting = new Set<string>();
  let lastSign = member.awaitedSince;
  let fresh = false;
  for (const [key, reporter] of member.origins) {
    if (reporter.answered < 0) continue;
    lastSign = Math.max(lastSign, reporter.answered);
    const age = monotonic - reporter.answered;
    if (age > silentAfterMilliseconds(reporter.periodMilliseconds)) continue;
    if (age <= staleAfterMilliseconds(reporter.periodMilliseconds)) fresh = true;
    reporting.add(key);
    for (const [id, gpu] of reporter.gpus) if (!reporter.lost.has(id)) present.set(id, gpu);
  }
  if (reporting.size === 0)
    return {
      state: monotonic - lastSign > goneMilliseconds ? "gone" : "unknown",
      fresh,
      present: null,
    };
  const accounted = [...member.learned.values()].every(
    (gpu) => present.has(gpu.id) || reporting.has(gpu.reporter),
  );
  return { state: "up", fresh, present: accounted ? present : null };
}

/** Two periods: what is older counts against the objective for freshness. */
function staleAfterMilliseconds(periodMilliseconds: number): number {
  return 2 * Math.max(periodMilliseconds, 1000);
}

/**
 * Takes what is there now as what should be there, unless there are fewer than before: then some are missing.
 * A GPU that was exchanged thus takes the place of the old one. True when the list changed.
 */
export function learn(member: Member, present: ReadonlyMap<string, KnownGpu>): boolean {
  if (present.size < member.learned.size) return false;
  const same =
    present.size === member.learned.size &&
    [...present.values()].every((gpu) => {
      const known = member.learned.get(gpu.id);
      return known?.index === gpu.index && known.reporter === gpu.reporter;
    });
  if (same) return false;
  member.learned = new Map(present);
  return true;
}

function gpusOf(schema: Schema, reporter: string, node: string): ReadonlyMap<string, KnownGpu> {
  const gpus = new Map<string, KnownGpu>();
  for (const { device } of schema.series) {
    if (device?.kind !== "gpu" || device.node !== node || gpus.has(device.id)) continue;
    if (gpus.size >= maximumGpus) break;
    const index = device.name.replace(/^gpu/, "");
    gpus.set(device.id, { id: device.id, index, model: device.model, reporter });
  }
  return gpus;
}

function lostSlotsOf(schema: Schema): ReadonlyMap<number, string> {
  const slots = new Map<number, string>();
  schema.series.forEach(({ metric, device }, slot) => {
    if (metric.name === lost.name && device?.kind === "gpu") slots.set(slot, device.id);
  });
  return slots;
}

function lostNow(slots: ReadonlyMap<number, string>, state: OriginState): ReadonlySet<string> {
  let found: Set<string> | null = null;
  for (const [slot, id] of slots)
    if (isPresent(state.present, slot) && state.values[slot] === 1) (found ??= new Set()).add(id);
  return found ?? noGpus;
}
