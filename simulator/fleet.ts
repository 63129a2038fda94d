/** The synthetic fleet: seeded, in fixed steps of simulated time, so that its state at a moment doesn't depend on who asked when. */
import { WarpwatchError } from "../core/kit/errors.ts";
import type { EventReport } from "../core/wire/event.ts";
import { createGpuColumns, type GpuColumns } from "./columns.ts";
import { stepDemand } from "./demand.ts";
import { createDriverLog, resetDriver, type DriverLog } from "./driver-log.ts";
import { createFaultPlayer, type FaultOutlets } from "./faults.ts";
import { checkOptions, type FleetOptions } from "./fleet-options.ts";
import type { GroundTruthLabel } from "./ground-truth.ts";
import { createHostState, type HostState } from "./host-columns.ts";
import { stepHosts } from "./host.ts";
import { createNodes, type FleetNode } from "./identity.ts";
import { createScheduler } from "./jobs.ts";
import { gpuModels, type GpuModel } from "./models.ts";
import { stepObservation } from "./observe.ts";
import { placeInChassis, stepPhysics } from "./physics.ts";
import { createRandomStreams } from "./random.ts";
import { checkFault, type Fault, type FleetSize } from "./script.ts";
import { stepWear } from "./wear.ts";

export interface Fleet {
  readonly model: GpuModel;
  readonly mig: boolean;
  readonly gpusPerNode: number;
  readonly nodes: readonly FleetNode[];
  /** Indexed by node · gpusPerNode + GPU. */
  readonly gpus: GpuColumns;
  readonly host: HostState;
  /** The moment that the columns describe, by the caller's clock. */
  readonly timeMilliseconds: number;
  /** Steps up to this moment of the caller's clock; an earlier one changes nothing. */
  step(toMilliseconds: number): void;
  /** What happened on a node since this was last asked, oldest first. */
  drainEvents(node: number): EventReport[];
  /** Events dropped because nobody asked for them. */
  droppedEvents(node: number): number;
  /** Its `at` counts from now. Throws SCENARIO_INVALID when the fleet has no such node or GPU. */
  injectFault(fault: Fault): void;
  /** What was truly wrong until now, in the order in which it began. */
  labels(): GroundTruthLabel[];
}

const warmUpSteps = 40;
const warmUpStepSeconds = 10;

export function createFleet(options: FleetOptions): Fleet {
  const { stepMilliseconds, ...size } = checkOptions(options);
  const { scenario, startMilliseconds } = options;
  const { gpusPerNode } = size;
  const timeScale = scenario?.timeScale ?? 1;
  let stepsDone = 0;
  const simulatedSeconds = (): number => (stepsDone * stepMilliseconds) / 1000;
  const outsideMilliseconds = (simulated: number): number =>
    startMilliseconds + (simulated * 1000) / timeScale;
  const now = (): number => outsideMilliseconds(simulatedSeconds());

  const parts = createParts(options, size.nodes, gpusPerNode);
  const { model, gpus, host, nodes } = parts;
  const log = createDriverLog(model, nodes, gpus, now);
  const outlets: FaultOutlets = {
    ...log,
    reset: (gpu) => resetDriver(gpus, gpu),
    nodeName: (node) => nodes[node]?.name ?? "",
    gpuUuid: (gpu) =>
      nodes[Math.floor(gpu / gpusPerNode)]?.gpus[gpu % gpusPerNode]?.identity.uuid ?? "",
    outsideMilliseconds,
  };
  const player = createFaultPlayer({ gpus, host, gpusPerNode, outlets });
  const advance = createAdvance(parts, gpusPerNode, log);

  function stepOnce(): void {
    stepsDone += 1;
    const seconds = stepMilliseconds / 1000;
    player.step(simulatedSeconds());
    advance(seconds, startMilliseconds / 1000 + simulatedSeconds());
    stepWear({
      model,
      gpus,
      random: parts.random,
      seconds,
      onTripped: (gpu) => log.xid(gpu, 79),
      onUncorrected(gpu) {
        log.uncorrected(gpu);
        player.addUncorrected(Math.floor(gpu / gpusPerNode), gpu, simulatedSeconds());
      },
    });
    stepObservation(gpus, model);
  }
  function inject(fault: Fault, fromSeconds: number): void {
    refuseWrong(fault, size, model);
    player.add(fault, fromSeconds + fault.atMilliseconds / 1000);
  }

  for (const fault of scenario?.faults ?? []) inject(fault, 0);
  warmUp(parts, advance, startMilliseconds / 1000);

  return {
    model,
    mig: options.mig ?? false,
    gpusPerNode,
    nodes,
    gpus,
    host,
    get timeMilliseconds() {
      return now();
    },
    step(toMilliseconds) {
      const due = Math.floor(((toMilliseconds - startMilliseconds) * timeScale) / stepMilliseconds);
      while (stepsDone < due) stepOnce();
    },
    drainEvents: (node) => log.drain(node),
    droppedEvents: (node) => log.dropped(node),
    injectFault: (fault) => inject(fault, simulatedSeconds()),
    labels: () => player.labels(),
  };
}

/** Throws SCENARIO_INVALID. */
function refuseWrong(fault: Fault, size: FleetSize, model: GpuModel): void {
  const wrong = checkFault(fault, size)[0];
  if (wrong)
    throw new WarpwatchError("SCENARIO_INVALID", `${fault.kind}: ${wrong.key}: ${wrong.sentence}`);
  if (fault.kind === "xid" && model.vendor !== "nvidia")
    throw new WarpwatchError("SCENARIO_INVALID", `xid: ${model.productName} has no XIDs`);
}

function createParts(options: FleetOptions, nodeCount: number, gpusPerNode: number) {
  const { seed } = options;
  const model = gpuModels[options.model];
  const count = nodeCount * gpusPerNode;
  const random = createRandomStreams(seed, "gpus", count);
  const nodeRandom = createRandomStreams(seed, "nodes", nodeCount);
  const identityRandom = createRandomStreams(seed, "identity", count);
  const gpus = createGpuColumns(model, count, random);
  const host = createHostState(nodeCount, gpusPerNode, nodeRandom);
  placeInChassis({ model, gpus, hosts: host.nodes, gpusPerNode, random });
  const scheduler = createScheduler({
    seed,
    workload: options.scenario?.workload ?? "mixed",
    gpus,
    hosts: host.nodes,
    gpusPerNode,
    slicesPerGpu: options.mig === true ? (model.mig?.instances ?? 1) : 1,
    startSeconds: options.startMilliseconds / 1000,
  });
  const nodes: FleetNode[] = createNodes(model, nodeCount, gpusPerNode, identityRandom);
  return { model, random, nodeRandom, gpus, host, scheduler, nodes };
}

type Parts = ReturnType<typeof createParts>;
type Advance = (seconds: number, nowSeconds: number) => void;

/** Everything of a step that isn't fault or wear: who works, how hard, and what that does. */
function createAdvance(parts: Parts, gpusPerNode: number, log: DriverLog): Advance {
  const { model, gpus, host, scheduler, random, nodeRandom } = parts;
  const onOutOfMemory = (node: number): void =>
    log.report(node, {
      kind: "out_of_memory_kill",
      device: "",
      text: "Out of memory: Killed process 4711 (dataloader)",
      fields: {},
    });
  return (seconds, nowSeconds) => {
    scheduler.step(nowSeconds);
    stepDemand(gpus, scheduler.jobs, nowSeconds, seconds);
    stepPhysics({ model, gpus, hosts: host.nodes, gpusPerNode, random }, seconds);
    stepHosts({ gpus, host, gpusPerNode, random: nodeRandom, nowSeconds, seconds, onOutOfMemory });
  };
}

/** The fleet is found warm, its drivers freshly loaded: heat, fans and load averages have settled. */
function warmUp({ gpus, model }: Parts, advance: Advance, startSeconds: number): void {
  for (let step = warmUpSteps; step > 0; step -= 1)
    advance(warmUpStepSeconds, startSeconds - step * warmUpStepSeconds);
  for (let gpu = 0; gpu < gpus.lost.length; gpu += 1) resetDriver(gpus, gpu);
  stepObservation(gpus, model);
}
