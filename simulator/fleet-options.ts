/** What a fleet can be: its size, its model, its clock; what is wrong is said in one sentence. */
import { WarpwatchError } from "../core/kit/errors.ts";
import { gpuModels, type ModelName } from "./models.ts";
import type { FleetSize, Scenario } from "./script.ts";

export interface FleetOptions {
  readonly seed: number;
  readonly nodes: number;
  /** 8 by default. */
  readonly gpusPerNode?: number;
  readonly model: ModelName;
  /** Without one nothing is scripted: a mixed workload on sound hardware. */
  readonly scenario?: Scenario;
  /** Unix milliseconds at which simulated time begins. */
  readonly startMilliseconds: number;
  /** Of simulated time, 10 to 10,000; 1,000 by default. */
  readonly stepMilliseconds?: number;
  /** Splits every GPU into its smallest MIG slices, each with a service of its own. */
  readonly mig?: boolean;
}

export const maximumGpus = 10_000;
const maximumGpusPerNode = 16;

/** Throws SCENARIO_INVALID. */
export function checkOptions(options: FleetOptions): FleetSize & { stepMilliseconds: number } {
  const { nodes, gpusPerNode = 8, stepMilliseconds = 1000, mig = false } = options;
  const model = gpuModels[options.model];
  const refuse = (sentence: string): never => {
    throw new WarpwatchError("SCENARIO_INVALID", sentence);
  };
  if (!Number.isInteger(nodes) || nodes < 1) refuse("a synthetic fleet has at least one node");
  if (!Number.isInteger(gpusPerNode) || gpusPerNode < 1 || gpusPerNode > maximumGpusPerNode)
    refuse(`a synthetic node has 1 to ${maximumGpusPerNode} GPUs`);
  if (nodes * gpusPerNode > maximumGpus)
    refuse(`a synthetic fleet has at most ${maximumGpus} GPUs, not ${nodes * gpusPerNode}`);
  if (!(stepMilliseconds >= 10 && stepMilliseconds <= 10_000))
    refuse("a step of simulated time is 10 to 10,000 ms");
  if (mig && model.mig === null) refuse(`${model.productName} has no MIG`);
  return { nodes, gpusPerNode, stepMilliseconds };
}
