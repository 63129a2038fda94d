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

export function createFaultPlayer(
  gpus: GpuColumns,
  host: HostState,
  gpusPerNode: number,
  outlets: FaultOutlets,
): FaultPlayer {
  let waiting: Played[] = [];
  let active: Played[] = [];
  const labels: GroundTruthLabel[] = [];

  function sceneOf(played: Played, nowSeconds: number): FaultScene {
    const { fault } = played;
    const gpu = fault.gpu === null ? -1 : fault.node * gpusPerNode + fault.gpu;
    const mount = mounts.findIndex((one) => one.mountpoint === (fault.mountpoint ?? "/scratch"));
    return {
      gpus,
      host,
      gpu,
      node: fault.node,
      gpusPerNode,
      severity: fault.severity,
      code: fault.code ?? 0,
      mount,
      elapsedSeconds: nowSeconds - played.startSeconds,
      durationSeconds: played.durationSeconds,
      xid: (which, code) => outlets.xid(which, code),
      uncorrected: (which) => outlets.uncorrected(which),
      reset: (which) => outlets.reset(which),
      linkChange: (text) => outlets.linkChange(fault.node, gpu, text),
    };
  }

  /** Takes back what the fault's kind may have bent; what others bend there they bend again in the same step. */
  function neutralize(scene: FaultScene): void {
    const first = scene.gpu >= 0 ? scene.gpu : scene.node * gpusPerNode;
    const last = scene.gpu >= 0 ? first + 1 : first + gpusPerNode;
    for (const [column, value] of Object.entries(gpuNeutral))
      gpus[column as keyof typeof gpuNeutral].fill(value, first, last);
    host.nodes.hang[scene.node] = 0;
    host.nodes.vanished[scene.node] = 0;
    host.nics.lossRatio[nicOf(scene)] = 0;
  }

  function updateLost(scene: FaultScene): void {
    const first = scene.node * gpusPerNode;
    for (let gpu = first; gpu < first + gpusPerNode; gpu += 1)
      gpus.lost[gpu] = gpus.offBus[gpu]! > 0 || gpus.tripped[gpu]! > 0 ? 1 : 0;
  }

  function begin(played: Played, nowSeconds: number): void {
    const scene = sceneOf(played, nowSeconds);
    faultDefinitions[played.fault.kind].start?.(scene);
    played.labelIndex = labels.length;
    labels.push({
      startMilliseconds: outlets.outsideMilliseconds(nowSeconds),
      endMilliseconds: null,
      node: outlets.nodeName(played.fault.node),
      gpu: scene.gpu >= 0 ? outlets.gpuUuid(scene.gpu) : "",
      kind: played.fault.kind,
      severity: played.fault.severity,
    });
  }

  function finish(played: Played, nowSeconds: number): void {
    faultDefinitions[played.fault.kind].end?.(sceneOf(played, nowSeconds));
    const label = labels[played.labelIndex];
    if (label)
      labels[played.labelIndex] = {
        ...label,
        endMilliseconds: outlets.outsideMilliseconds(nowSeconds),
      };
  }

  return {
    add(fault, startSeconds) {
      if (waiting.length + active.length >= maximumFaults)
        throw new WarpwatchError("LIMIT_REACHED", `${maximumFaults} faults are planned already`);
      const definition = faultDefinitions[fault.kind];
      const durationSeconds =
        fault.durationMilliseconds === null
          ? definition.durationSeconds
          : fault.durationMilliseconds / 1000;
      waiting.push({ fault, startSeconds, durationSeconds, labelIndex: -1 });
      waiting.sort((a, b) => a.startSeconds - b.startSeconds);
    },
    step(nowSeconds) {
      const due = waiting.filter((played) => played.startSeconds <= nowSeconds);
      if (due.length === 0 && active.length === 0) return;
      waiting = waiting.filter((played) => played.startSeconds > nowSeconds);
      active.push(...due);
      for (const played of active) neutralize(sceneOf(played, nowSeconds));
      const struck = active;
      active = active.filter((played) => nowSeconds < played.startSeconds + played.durationSeconds);
      for (const played of due) begin(played, nowSeconds);
      for (const played of struck) if (!active.includes(played)) finish(played, nowSeconds);
      for (const played of active)
        faultDefinitions[played.fault.kind].apply?.(sceneOf(played, nowSeconds));
      for (const played of struck) updateLost(sceneOf(played, nowSeconds));
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
