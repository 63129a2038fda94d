/**
 * Who belongs to the fleet: learned from what reports, or told by a file. Once a second it says, as a frame of the
 * collector's own, which nodes and GPUs are there, so that "missing" is an ordinary rule.
 */
import type { Clock } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { Frame, FrameSink, Origin } from "../../core/wire/frame.ts";
import { ownJobs, type OriginListener } from "../origin.ts";
import type { FleetFile } from "./file.ts";
import type { ClusterNode } from "./kubernetes.ts";
import { createFleetFrames, type NodeReport } from "./frame.ts";
import {
  createMember,
  learn,
  observe,
  takeCensus,
  type KnownGpu,
  type Member,
  type NodeState,
} from "./member.ts";
import { mergePlaces, noPlace, type NodePlace, type Places } from "./place.ts";
import { createRemovals, type Removal, type Removals, type RemovalSource } from "./removals.ts";
import { readFleetRecord, type FleetStore } from "./store.ts";

type NodeGpu = Pick<KnownGpu, "id" | "index" | "model">;

export interface NodeView {
  readonly node: string;
  readonly state: NodeState | "removed";
  readonly gpusExpected: number;
  /** null while it isn't known. */
  readonly gpusPresent: number | null;
  readonly gpus: readonly NodeGpu[];
  /** As they were last seen. */
  readonly missing: readonly NodeGpu[];
  readonly origins: readonly string[];
  readonly place: NodePlace;
}

export interface Fleet extends OriginListener {
  /** Takes the census and sends the fleet's frame; called once a second. */
  tick(): void;
  applyFile(file: FleetFile): void;
  /** The cluster's nodes as they are now: one that is no longer among them, or is leaving, was taken away on purpose. */
  applyCluster(nodes: ReadonlyMap<string, ClusterNode>): void;
  /** False when as many removals are planned as are kept. */
  planRemoval(node: string, device: string | null): boolean;
  cancelRemoval(node: string, device: string | null): boolean;
  removals(): readonly Removal[];
  nodes(): NodeView[];
  /** The fleet's own frame of the last tick, for the collector's metrics page. */
  lastFrame(): Frame | null;
}

export interface FleetOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: FleetStore;
  /** Where the fleet's own frame goes. */
  readonly sink: FrameSink;
  readonly boot: string;
  /** A node silent for longer is gone rather than unknown. */
  readonly goneMilliseconds: number;
  readonly maximumNodes: number;
  /** A cluster is followed: its nodes are expected once they were seen, or all of them. */
  readonly cluster?: "seen" | "all" | undefined;
  /** Is told where nodes stand. */
  readonly places?: Places;
  /** It was removed on purpose: its alerts end. */
  readonly onRemoved: (node: string, device: string | null) => void;
}

/** One for all replicas: the alerts about nodes have the same labels wherever they are judged. */
const job = ownJobs.fleet;
const instance = ownJobs.fleet;
/** After a start nodes get this long to report before they count as silent. */
const graceMilliseconds = 10_000;
const maximumRemovals = 20_000;

export function createFleet(options: FleetOptions): Fleet {
  const { clock, log } = options;
  const record = readFleetRecord(options.store);
  const members = new Map<string, Member>();
  // Who no longer follows a cluster is no longer told when its removals are over.
  const kept = record?.removals.filter(({ source }) => source !== "kubernetes" || options.cluster);
  const removals = createRemovals(kept ?? []);
  const origin: Origin = { node: "", job, instance, boot: options.boot };
  const frames = createFleetFrames(origin, options.sink);
  let cluster: ReadonlyMap<string, ClusterNode> = new Map();
  let changed = false;
  let refused = false;
  for (const { name, gpus, inCluster } of record?.nodes ?? []) {
    const known = member(name);
    if (!known) continue;
    known.learned = new Map(gpus.map((gpu) => [gpu.id, gpu]));
    known.inCluster = inCluster;
  }
  for (const removal of removals.list()) options.onRemoved(removal.node, removal.device);

  function member(name: string): Member | null {
    const known = members.get(name);
    if (known) return known;
    if (members.size >= options.maximumNodes) {
      if (!refused)
        log.warn(`the fleet has its ${options.maximumNodes} nodes; others aren't judged`);
      refused = true;
      return null;
    }
    const made = createMember(name, clock.monotonic());
    takeCluster(made, cluster.get(name));
    members.set(name, made);
    changed = true;
    return made;
  }

  function judge(node: Member): NodeReport | null {
    const now = clock.monotonic();
    const census = takeCensus(node, now, options.goneMilliseconds);
    noteRemoval(node.name, null, census.state === "up");
    const gpus = census.present && withoutRemoved(node, census.present);
    if (gpus && learn(node, gpus)) changed = true;
    if (removals.covers(node.name)) {
      if (census.state === "gone") forgetIfDeleted(node);
      return null;
    }
    const waited = node.origins.size > 0 || now - node.awaitedSince > graceMilliseconds;
    return {
      node: node.name,
      up: census.state === "up" ? 1 : waited ? 0 : null,
      fresh: census.fresh,
      expected: node.expectedGpus ?? node.learned.size,
      present: gpus,
      learned: node.learned,
      place: placeOf(node),
    };
  }

  /** Clusters that scale give their nodes new names: one that was deleted and is silent never comes back. */
  function forgetIfDeleted({ name, inCluster }: Member): void {
    if (!inCluster || cluster.size === 0 || cluster.has(name)) return;
    removals.cancel(name, null);
    members.delete(name);
    options.places?.forget(name);
    changed = true;
  }

  function takeCluster(node: Member, found: ClusterNode | undefined): void {
    if (found === undefined) return;
    changed ||= !node.inCluster;
    node.inCluster = true;
    node.clusterPlace = found.place;
    options.places?.set(node.name, placeOf(node));
  }

  function replaceRemovals(
    source: RemovalSource,
    planned: readonly { readonly node: string; readonly device: string | null }[],
  ): void {
    const plannedAtMilliseconds = clock.now();
    const added = removals.replace(
      source,
      planned.map((one) => ({ ...one, source, plannedAtMilliseconds })),
    );
    for (const { node, device } of added) options.onRemoved(node, device);
    changed = true;
  }

  /** GPUs that are there and expected: one whose removal is planned is neither present nor missing. */
  function withoutRemoved(
    node: Member,
    present: ReadonlyMap<string, KnownGpu>,
  ): ReadonlyMap<string, KnownGpu> {
    const { name } = node;
    const planned = removals.of(name);
    if (planned.length === 0) return present;
    for (const { device } of planned)
      if (device !== null) {
        noteRemoval(name, device, present.has(device));
        if (removals.covers(name, device)) forgetGpu(node, device);
      }
    return new Map([...present].filter(([id]) => !removals.covers(name, id)));
  }

  function forgetGpu(node: Member, id: string): void {
    if (!node.learned.has(id)) return;
    node.learned = new Map([...node.learned].filter(([known]) => known !== id));
    changed = true;
  }

  function noteRemoval(node: string, device: string | null, there: boolean): void {
    if (!removals.observe(node, device, there)) return;
    changed = true;
    if (!there) options.onRemoved(node, device);
    else log.info("what was removed is back and expected again", { node, device: device ?? "" });
  }

  function save(): void {
    if (!changed) return;
    const nodes = [...members.values()].map(({ name, learned, inCluster }) => ({
      name,
      gpus: [...learned.values()],
      inCluster,
    }));
    try {
      options.store.save({ nodes, removals: removals.list() });
      changed = false;
    } catch (thrown) {
      log.error(`the fleet's members can't be saved: ${describeError(thrown)}`);
    }
  }

  return {
    frame(state) {
      if (state.origin.job === job || state.origin.node === "") return;
      const node = member(state.origin.node);
      if (node) observe(node, state);
    },
    forget(key) {
      for (const node of members.values()) node.origins.delete(key);
    },
    tick() {
      const reports: NodeReport[] = [];
      for (const node of members.values()) {
        const report = judge(node);
        if (report) reports.push(report);
      }
      save();
      frames.send(reports, clock.now());
    },
    applyFile(file) {
      for (const node of members.values()) {
        node.expectedGpus = null;
        node.filePlace = noPlace;
      }
      for (const { name, gpus, place = noPlace } of file.nodes) {
        const node = member(name);
        if (!node) continue;
        node.expectedGpus = gpus ?? null;
        node.filePlace = place;
      }
      for (const node of members.values()) options.places?.set(node.name, placeOf(node));
      replaceRemovals(
        "file",
        file.removed.map(({ node, device }) => ({ node, device: device ?? null })),
      );
    },
    applyCluster(nodes) {
      if (nodes.size === 0) {
        log.error("Kubernetes lists no nodes: what it said before stays");
        return;
      }
      cluster = nodes;
      for (const found of nodes.values()) {
        const node = options.cluster === "all" ? member(found.name) : members.get(found.name);
        if (node) takeCluster(node, found);
      }
      const deleted = [...members.values()].filter(
        ({ name, inCluster }) => inCluster && !nodes.has(name),
      );
      const leaving = [...nodes.values()].filter((found) => found.leaving !== "");
      replaceRemovals(
        "kubernetes",
        [...deleted, ...leaving].map(({ name }) => ({ node: name, device: null })),
      );
    },
    planRemoval(node, device) {
      if (removals.size >= maximumRemovals) return false;
      const plannedAtMilliseconds = clock.now();
      removals.plan({ node, device, source: "request", plannedAtMilliseconds });
      changed = true;
      save();
      options.onRemoved(node, device);
      return true;
    },
    cancelRemoval(node, device) {
      const cancelled = removals.cancel(node, device);
      changed ||= cancelled;
      save();
      return cancelled;
    },
    removals: () => removals.list(),
    lastFrame: frames.last,
    nodes: () =>
      [...members.values()].map((node) => view(node, clock.monotonic(), options, removals)),
  };
}

function view(
  node: Member,
  monotonic: number,
  options: FleetOptions,
  removals: Removals,
): NodeView {
  const { state, present } = takeCensus(node, monotonic, options.goneMilliseconds);
  const gpus = [...(present ?? node.learned).values()];
  const missing = present ? [...node.learned.values()].filter(({ id }) => !present.has(id)) : [];
  const describe = ({ id, index, model }: KnownGpu): NodeGpu => ({ id, index, model });
  return {
    node: node.name,
    state: removals.covers(node.name) ? "removed" : state,
    gpusExpected: node.expectedGpus ?? node.learned.size,
    gpusPresent: present?.size ?? null,
    gpus: gpus.map(describe),
    missing: missing.map(describe),
    origins: [...node.origins.keys()],
    place: placeOf(node),
  };
}

/** What the file says counts more than what the cluster does. */
function placeOf({ filePlace, clusterPlace }: Member): NodePlace {
  if (filePlace === noPlace) return clusterPlace;
  return clusterPlace === noPlace ? filePlace : mergePlaces(filePlace, clusterPlace);
}
