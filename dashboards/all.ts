/** Every board there is, and the text each is generated to. */
import { buildBoard, type Board } from "./board.ts";
import { nodeBoard } from "./node.ts";

export const boards: readonly Board[] = [nodeBoard];

/** File name under dashboards/json → its text. */
export function renderBoards(): Map<string, string> {
  return new Map(
    boards.map((board) => [`${board.uid}.json`, `${JSON.stringify(buildBoard(board), null, 2)}\n`]),
  );
}
