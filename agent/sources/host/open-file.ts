/** Opens a file of /proc or /sys to be read. What turns out to be a pipe that nobody writes to must not be waited for. */
import { constants, openSync } from "node:fs";

const flags = constants.O_RDONLY | constants.O_NONBLOCK;

/** Throws what open(2) says. */
export function openFile(path: string): number {
  return openSync(path, flags);
}
