/** The board for one node or a few: its GPUs first, then the host under them. */
import * as gpu from "../core/catalog/gpu.ts";
import * as self from "../core/catalog/self.ts";
import type { Board } from "./board.ts";
import { gpuRows } from "./gpu-rows.ts";
import { hostRows } from "./host-rows.ts";
import { kernelMark, xidMark } from "./marks.ts";
import { systemRows } from "./system-rows.ts";

export const nodeBoard: Board = {
  uid: "warpwatch-node",
  title: "Warpwatch / Node and GPUs",
  description:
    "What the GPUs of a node do, how hot and how sound they are, and the host under them.",
  instancesOf: self.sourceUp,
  gpusOf: gpu.temperature,
  marks: [xidMark, kernelMark],
  rows: [...gpuRows, ...systemRows, ...hostRows],
};
