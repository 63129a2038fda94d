/** A real, small filesystem that a test may fill: a tmpfs of its own, where this user may mount one. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, rmdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemCode } from "../../core/kit/errors.ts";

export interface SmallFilesystem {
  readonly mountPoint: string;
  /** Leaves about two per cent, or so many bytes. */
  fill(leftBytes?: number): void;
  empty(): void;
  unmount(): void;
}

/** Null, with the reason on stderr, where mounting isn't allowed. */
export function mountSmallFilesystem(
  mountPoint: string,
  sizeBytes = 1024 * 1024,
): SmallFilesystem | null {
  mkdirSync(mountPoint, { recursive: true });
  const options = `size=${sizeBytes},mode=0700`;
  const what = ["-t", "tmpfs", "-o", options, "warpwatch-test", mountPoint];
  const reason = run("mount", ...what);
  if (reason !== null) {
    process.stderr.write(`\nNO TMPFS: ${reason}; run as root to test with a real filesystem\n`);
    rmdirSync(mountPoint);
    return null;
  }
  const ballast = join(mountPoint, "ballast");
  return {
    mountPoint,
    fill(leftBytes) {
      if (leftBytes === undefined) {
        writeFileSync(ballast, Buffer.alloc(sizeBytes * 0.98));
        return;
      }
      const { bavail, bsize } = statfsSync(mountPoint);
      appendFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)));
      if (leftBytes > 0) return;
      // The kernel counts free blocks a little behind.
      try {
        for (;;) appendFileSync(ballast, Buffer.alloc(bsize));
      } catch (thrown) {
        if (systemCode(thrown) !== "ENOSPC") throw thrown;
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    unmount() {
      run("umount", "--lazy", mountPoint);
      rmdirSync(mountPoint);
    },
  };
}

/** Null when it went well, else what the program said. */
function run(program: string, ...args: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync(program, args);
  return status === 0 ? null : String(error ?? stderr).trim();
}
