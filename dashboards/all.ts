/** Every board there is, and the text each is generated to. */
import { agentBoard } from "./agent.ts";
import type { Board } from "./board.ts";
import { collectorBoard } from "./collector.ts";
import { fleetBoard } from "./fleet.ts";
import { gpusBoard } from "./gpus.ts";
import { buildBoard } from "./grafana.ts";
import { nodeBoard } from "./node.ts";

export const boards: readonly Board[] = [
  fleetBoard,
  nodeBoard,
  gpusBoard,
  agentBoard,
  collectorBoard,
];

/** File name under dashboards/json → its text. */
export function renderBoards(): Map<string, string> {
  return new Map(
    boards.map((board) => [`${board.uid}.json`, `${JSON.stringify(buildBoard(board), null, 2)}\n`]),
  );
}
