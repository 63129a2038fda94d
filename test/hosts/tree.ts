/** Writes a fake host into a folder: a tree of files as the kernel and the distribution would show them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostPaths } from "../../core/kit/env.ts";

/** Paths from the host's root to what the file holds; null makes a folder. */
export type HostTree = Readonly<Record<string, string | Buffer | null>>;

export function writeHost(root: string, tree: HostTree): HostPaths {
  for (const [path, content] of Object.entries(tree)) {
    const full = join(root, path);
    mkdirSync(content === null ? full : dirname(full), { recursive: true });
    // Written in place: a kernel file keeps its inode, and so does what has it open.
    if (content !== null) writeFileSync(full, content);
  }
  return { procfs: join(root, "proc"), sysfs: join(root, "sys"), rootfs: root };
}
