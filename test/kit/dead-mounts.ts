/** A program that runs beside five FUSE mounts whose server never answers, in a mount namespace that nobody else sees. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Program } from "./programs.ts";
import { repositoryRoot } from "./sources.ts";

export interface BesideDeadMounts extends Program {
  /** The server begins to answer, what is asked already too. */
  revive(): void;
  /** Sends the program SIGTERM; resolves to what came of it: `ENDED 0 after 0.12 s with 5 calls held`. */
  end(): Promise<string>;
}

const flags = [
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  "--propagation=private",
];

/** Why there can be no such mounts here; null where there can. */
export function whyNoDeadMounts(): string | null {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
  } catch {
    return "/dev/fuse is missing or not this user's to open";
  }
  const { status, stderr, error } = spawnSync("unshare", [...flags, "true"], { encoding: "utf8" });
  return status === 0 ? null : String(error ?? stderr).trim();
}

/** The mounts are `dead0` to `dead4` under the folder, and `alive`, which answers: 1,000 blocks of 4,096 bytes, 250 free. */
export function startBesideDeadMounts(
  folder: string,
  command: readonly string[],
): BesideDeadMounts {
  const program = join(repositoryRoot, "test/kit/dead-mounts-program.ts");
  const child = spawn("unshare", [...flags, process.execPath, program, folder, ...command], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  const take = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  child.stdin.on("error", () => undefined);
  const closed = once(child, "close");
  const ended = async (): Promise<number | null> => {
    await closed;
    return child.exitCode;
  };
  return {
    child,
    output: () => output,
    ended,
    revive: () => void child.stdin.write("revive\n"),
    async end() {
      child.stdin.write("end\n");
      await ended();
      return /^ENDED .*$/m.exec(output)?.[0] ?? output;
    },
    async stop() {
      // Process 1 takes the namespace with it: every process, every mount.
      child.stdin.end();
      return ended();
    },
  };
}
