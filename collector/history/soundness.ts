/** Whether files are still what they were when they were written: looked at before their first use, and each day again. */
import { mkdirSync, renameSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { history } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { fileChecksumSlowly } from "./checksum.ts";
import type { ParquetFile } from "./files.ts";

/** A file with what is known of it from when it was written. */
export type KnownFile = Pick<ParquetFile, "file" | "bytes" | "checksum">;

/** Throws HISTORY_FAILED when one of them is damaged, once it has been put aside. */
export type CheckFiles<File extends KnownFile = ParquetFile> = (
  files: readonly File[],
  checkTime?: () => void,
) => Promise<void>;

export type CountDamage = (what: "file" | "frame", count: number) => void;

export interface SoundnessOptions<File extends KnownFile> {
  readonly folder: string;
  /** Takes it off its list. */
  readonly forget: (file: File) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly countDamage: CountDamage;
}

/** Beside the days' folders; nothing reads it but people. */
const damagedFolder = "damaged";
const againMilliseconds = 86_400_000;

export function createDamageCount(metrics: SelfMetrics): CountDamage {
  const damaged = metrics.counter(history.damaged);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const reason of ["file", "frame"]) damaged.increase({ reason }, 0);
  return (reason, count) => damaged.increase({ reason }, count);
}

export function createFileCheck<File extends KnownFile>(
  options: SoundnessOptions<File>,
): CheckFiles<File> {
  const { folder, clock, log } = options;
  /** By file: its times and size when it was looked at, and when that was. */
  const sound = new Map<string, { readonly look: string; readonly at: number }>();

  function isKnown(file: string, look: string): boolean {
    const known = sound.get(file);
    return known?.look === look && clock.monotonic() - known.at < againMilliseconds;
  }

  async function isSound({ file, checksum, bytes }: KnownFile): Promise<boolean> {
    const place = join(folder, file);
    const found = statSync(place, { throwIfNoEntry: false });
    // What is gone is told of by who reads it, and by retention.
    if (!found || checksum === null) return true;
    const look = `${found.size} ${found.mtimeMs} ${found.ino}`;
    if (isKnown(file, look)) return true;
    if (found.size !== bytes || (await fileChecksumSlowly(place)) !== checksum) return false;
    sound.set(file, { look, at: clock.monotonic() });
    return true;
  }

  function putAside(file: File): void {
    options.forget(file);
    mkdirSync(join(folder, damagedFolder), { recursive: true, mode: 0o700 });
    renameSync(join(folder, file.file), join(folder, damagedFolder, basename(file.file)));
    options.countDamage("file", 1);
    log.error(`${file.file} of history is damaged: it is in ${damagedFolder} now, and not read`);
  }

  return async (chosen, checkTime) => {
    const damaged: File[] = [];
    for (const file of chosen) {
      if (!(await isSound(file))) damaged.push(file);
      checkTime?.();
    }
    for (const file of damaged) putAside(file);
    if (damaged.length > 0)
      throw new WarpwatchError(
        "HISTORY_FAILED",
        `${damaged.map(({ file }) => file).join(", ")} was damaged on disk and is put aside: ask again for the rest`,
      );
  };
}
