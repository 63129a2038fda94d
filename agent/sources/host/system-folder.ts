/** Names and texts of /sys that are looked up now and then, on no path that is hot. */
import { readdirSync, readFileSync } from "node:fs";

const maximumNames = 1024;

/** In the order of their numbers; none where there is no such folder. */
export function namesIn(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .slice(0, maximumNames)
      .sort((left, right) => left.localeCompare(right, "en", { numeric: true }));
  } catch {
    return [];
  }
}

/** Empty where there is no such file. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
