/** Every board there is, and the text each is generated to. */
import { agentBoard } from "./agent.ts";
import type { Board } from "./board.ts";
import { collectorBoard } from "./collector.ts";
import { fabricBoard } from "./fabric.ts";
import { fleetBoard } from "./fleet.ts";
import { gpuDetailBoard } from "./gpu-detail.ts";
import { gpusBoard } from "./gpus.ts";
import { buildBoard } from "./grafana.ts";
import { hardwareBoard } from "./hardware.ts";
import { nodeBoard } from "./node.ts";

export const boards: readonly Board[] = [
  fleetBoard,
  nodeBoard,
  gpusBoard,
  gpuDetailBoard,
  fabricBoard,
  hardwareBoard,
  agentBoard,
  collectorBoard,
];

/** File name under dashboards/json → its text. */
export function renderBoards(): Map<string, string> {
  return new Map(
    boards.map((board) => [`${board.uid}.json`, `${JSON.stringify(buildBoard(board), null, 2)}\n`]),
  );
}
