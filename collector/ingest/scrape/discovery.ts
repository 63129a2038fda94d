/** What finds targets: files, names, a cluster. */
import type { TargetGroup } from "./target.ts";

export interface Discovery {
  /** The groups as they are now, or null when nothing changed since the last call. */
  read(): readonly TargetGroup[] | null;
  /** One sentence per thing that can't be asked or used; the targets known before stay. */
  errors(): readonly string[];
  stop(): void;
}
