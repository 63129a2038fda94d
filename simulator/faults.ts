/** Plays faults: starts each when its time comes, bends the physics while it lasts, mends it at its end, and keeps the labels. */
import { WarpwatchError } from "../core/kit/errors.ts";
import { gpuNeutral, type GpuColumns } from "./columns.ts";
import { faultDefinitions, nicOf, type FaultScene } from "./fault-kinds.ts";
import type { GroundTruthLabel } from "./ground-truth.ts";
import { mounts, type HostState } from "./host-columns.ts";
import { maximumFaults, type Fault } from "./script.ts";

/** What faults do beyond the columns. */
export interface FaultOutlets {
  xid(gpu: number, code: number): void;
  uncorrected(gpu: number): void;
  reset(gpu: number): void;
  linkChange(node: number, gpu: number, text: string): void;
  /** Names for the labels. */
  nodeName(node: number): string;
  gpuUuid(gpu: number): string;
  /** The fleet's own clock at a moment of simulated time. */
  outsideMilliseconds(simulatedSeconds: number): number;
}

/** What faults play on. */
export interface Stage {
  readonly gpus: GpuColumns;
  readonly host: HostState;
  readonly gpusPerNode: number;
  readonly outlets: FaultOutlets;
}

export interface FaultPlayer {
  /** `startSeconds` is simulated time. Throws when there are too many. */
  add(fault: Fault, startSeconds: number): void;
  step(nowSeconds: number): void;
  /** What has begun by now, in the order in which it began. */
  labels(): GroundTruthLabel[];
  /** An uncorrected memory error that came by itself is true, too. */
  addUncorrected(node: number, gpu: number, nowSeconds: number): void;
}

interface Played {
  readonly fault: Fault;
  readonly startSeconds: number;
  readonly durationSeconds: number;
  labelIndex: number;
}

export function createFaultPlayer(stage: Stage): FaultPlayer {
  const { outlets } = stage;
  let waiting: Played[] = [];
  let active: Played[] = [];
  const labels: GroundTruthLabel[] = [];

  function begin(played: Played, scene: FaultScene, nowSeconds: number): void {
    const { fault } = played;
    faultDefinitions[fault.kind].start?.(scene);
    played.labelIndex = labels.length;
    labels.push({
      startMilliseconds: outlets.outsideMilliseconds(nowSeconds),
      endMilliseconds: null,
      node: outlets.nodeName(fault.node),
      gpu: scene.gpu >= 0 ? outlets.gpuUuid(scene.gpu) : "",
      kind: fault.kind,
      severity: fault.severity,
    });
  }
  function finish(played: Played, scene: FaultScene, nowSeconds: number): void {
    faultDefinitions[played.fault.kind].end?.(scene);
    const label = labels[played.labelIndex];
    const endMilliseconds = outlets.outsideMilliseconds(nowSeconds);
    if (label) labels[played.labelIndex] = { ...label, endMilliseconds };
  }

  return {
    add(fault, startSeconds) {
      if (waiting.length + active.length >= maximumFaults)
        throw new WarpwatchError("LIMIT_REACHED", `${maximumFaults} faults are planned already`);
      const given = fault.durationMilliseconds;
      const durationSeconds =
        given === null ? faultDefinitions[fault.kind].durationSeconds : given / 1000;
      waiting.push({ fault, startSeconds, durationSeconds, labelIndex: -1 });
      waiting.sort((a, b) => a.startSeconds - b.startSeconds);
    },
    step(nowSeconds) {
      const due = waiting.filter((played) => played.startSeconds <= nowSeconds);
      if (due.length === 0 && active.length === 0) return;
      waiting = waiting.slice(due.length);
      const scenes = new Map(
        [...active, ...due].map((played) => [played, sceneOf(stage, played, nowSeconds)]),
      );
      for (const scene of scenes.values()) neutralize(scene);
      for (const played of due) begin(played, scenes.get(played)!, nowSeconds);
      active = [];
      for (const [played, scene] of scenes)
        if (nowSeconds < played.startSeconds + played.durationSeconds) active.push(played);
        else finish(played, scene, nowSeconds);
      for (const played of active) faultDefinitions[played.fault.kind].apply?.(scenes.get(played)!);
      for (const scene of scenes.values()) updateLost(scene);
    },
    labels: () => [...labels],
    addUncorrected(node, gpu, nowSeconds) {
      const moment = outlets.outsideMilliseconds(nowSeconds);
      labels.push({
        startMilliseconds: moment,
        endMilliseconds: moment,
        node: outlets.nodeName(node),
        gpu: outlets.gpuUuid(gpu),
        kind: "uncorrected_error",
        severity: 1,
      });
    },
  };
}

function sceneOf(stage: Stage, played: Played, nowSeconds: number): FaultScene {
  const { gpus, host, gpusPerNode, outlets } = stage;
  const { fault } = played;
  const gpu = fault.gpu === null ? -1 : fault.node * gpusPerNode + fault.gpu;
  return {
    gpus,
    host,
    gpu,
    node: fault.node,
    gpusPerNode,
    severity: fault.severity,
    code: fault.code ?? 0,
    mount: mounts.findIndex((mount) => mount.mountpoint === (fault.mountpoint ?? "/scratch")),
    elapsedSeconds: nowSeconds - played.startSeconds,
    durationSeconds: played.durationSeconds,
    xid: (which, code) => outlets.xid(which, code),
    uncorrected: (which) => outlets.uncorrected(which),
    reset: (which) => outlets.reset(which),
    linkChange: (text) => outlets.linkChange(fault.node, gpu, text),
  };
}

/** Takes back what the fault may have bent; what others bend there they bend again in the same step. */
function neutralize(scene: FaultScene): void {
  const { gpus, host, gpu, node, gpusPerNode } = scene;
  const first = gpu >= 0 ? gpu : node * gpusPerNode;
  const last = gpu >= 0 ? first + 1 : first + gpusPerNode;
  for (const [column, value] of Object.entries(gpuNeutral))
    gpus[column as keyof typeof gpuNeutral].fill(value, first, last);
  host.nodes.hang[node] = 0;
  host.nodes.vanished[node] = 0;
  host.nics.lossRatio[nicOf(scene)] = 0;
}

function updateLost({ gpus, node, gpusPerNode }: FaultScene): void {
  for (let gpu = node * gpusPerNode; gpu < (node + 1) * gpusPerNode; gpu += 1)
    gpus.lost[gpu] = gpus.offBus[gpu]! > 0 || gpus.tripped[gpu]! > 0 ? 1 : 0;
}
