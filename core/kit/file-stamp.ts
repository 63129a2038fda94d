/** What tells one content of a file from the next: a mounted secret or ConfigMap changes by a link that file events don't follow. */
import { statSync } from "node:fs";
import { systemCode } from "./errors.ts";

/** Time, size and inode; the system's code where there is no such file. */
export function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (thrown) {
    return systemCode(thrown) || "unreadable";
  }
}

export function stampOfAll(paths: readonly string[]): string {
  return paths.map(stampOf).join();
}
