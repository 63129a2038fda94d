/** Writes a fake host into a folder: a tree of files as the kernel and the distribution would show them. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostPaths } from "../../core/kit/env.ts";

/** Paths from the host's root to what the file holds; null makes a folder. */
export type HostTree = Readonly<Record<string, string | Buffer | null>>;

const linkMark = "\0link:";

/** What stands in a tree for a symbolic link. */
export function linkTo(target: string): string {
  return linkMark + target;
}

export function isLink(content: string | Buffer | null): boolean {
  return typeof content === "string" && content.startsWith(linkMark);
}

/** Files of one folder, a line each: the shape of most of /sys. */
export function linesIn(
  folder: string,
  files: Readonly<Record<string, string | number>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`${folder}/${name}`, `${text}\n`]),
  );
}

export function writeHost(root: string, tree: HostTree): HostPaths {
  for (const [path, content] of Object.entries(tree)) {
    const full = join(root, path);
    mkdirSync(content === null ? full : dirname(full), { recursive: true });
    if (content === null) continue;
    // Written in place: a kernel file keeps its inode, and so does what has it open.
    if (isLink(content)) symlinkSync(String(content).slice(linkMark.length), full);
    else writeFileSync(full, content);
  }
  return { procfs: join(root, "proc"), sysfs: join(root, "sys"), rootfs: root };
}
