/** Parquet files and the list of those that count: a file without a row in the list was never finished and goes at start. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Log } from "../../core/kit/log.ts";
import { scratchName } from "./child.ts";
import { databaseName, transact } from "./database.ts";
import type { FeatureDays } from "./feature-days.ts";
import type { WrittenFile } from "./job.ts";

export interface ParquetFile {
  /** `day=2026-01-31/….parquet`, within history's folder. */
  readonly file: string;
  readonly day: string;
  readonly firstTime: number;
  readonly lastTime: number;
  readonly rows: number;
  readonly bytes: number;
  /** 0: every sample that was read; otherwise one row per series in so many milliseconds. */
  readonly resolutionMilliseconds: number;
  /** CRC-32 of the file; null where it was written before there was one. */
  readonly checksum: number | null;
}

export interface ParquetFiles {
  /** Of all files that are on disk, those that were replaced and aren't removed yet among them. */
  readonly bytes: number;
  /** By day, those with the oldest samples first. */
  list(): ParquetFile[];
  /** Gives the files their places, durably; they count only once `add` is on disk. */
  place(
    written: readonly WrittenFile[],
    scratch: string,
    name: string,
    resolutionMilliseconds?: number,
  ): Promise<ParquetFile[]>;
  /** To be called within a transaction. */
  add(files: readonly ParquetFile[]): void;
  /** To be called once that transaction is on disk. */
  added(files: readonly ParquetFile[]): void;
  /** Puts files in the place of others on the list, durably. The others still have to be unlinked. */
  exchange(before: readonly ParquetFile[], after: readonly ParquetFile[]): void;
  /** Removes files that others were put in the place of. */
  unlink(files: readonly ParquetFile[]): void;
  /** Takes the files off the list and then removes them. */
  remove(files: readonly ParquetFile[]): void;
  /** Takes them off the list and leaves them where they are. */
  forget(files: readonly ParquetFile[]): void;
  /** Files that are on the list and not in the folder: they are taken off it. */
  forgetLost(): ParquetFile[];
}

const dayFolder = /^day=\d{4}-\d\d-\d\d$/;

export function createParquetFiles(
  folder: string,
  sqlite: DatabaseSync,
  log: Log,
  featureDays: Pick<FeatureDays, "noteLate" | "noteGone">,
): ParquetFiles {
  const addRow = sqlite.prepare(
    "INSERT INTO parquet (file, day, first_time, last_time, rows, bytes, resolution, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const removeRow = sqlite.prepare("DELETE FROM parquet WHERE file = ?");
  let bytes = 0;

  function list(): ParquetFile[] {
    return listParquetFiles(sqlite);
  }

  function takeOff(files: readonly ParquetFile[]): void {
    transact(sqlite, () => {
      for (const { file, day } of files) {
        removeRow.run(file);
        featureDays.noteGone(day);
      }
    });
  }

  function add(files: readonly ParquetFile[]): void {
    for (const { file, day, firstTime, lastTime, resolutionMilliseconds, ...size } of files) {
      const { rows, bytes: length, checksum } = size;
      addRow.run(file, day, firstTime, lastTime, rows, length, resolutionMilliseconds, checksum);
      if (resolutionMilliseconds === 0) featureDays.noteLate(day);
    }
  }

  function unlink(files: readonly ParquetFile[]): void {
    for (const { file, day, bytes: size } of files) {
      rmSync(join(folder, file), { force: true });
      removeIfEmpty(join(folder, `day=${day}`));
      bytes -= size;
    }
  }

  bytes = list().reduce((sum, file) => sum + file.bytes, 0);
  clean(folder, new Set(list().map(({ file }) => file)), log);
  return {
    get bytes() {
      return bytes;
    },
    list,
    async place(written, scratch, name, resolutionMilliseconds = 0) {
      const placed: ParquetFile[] = [];
      for (const { name: from, day, bytes: size, ...rest } of written) {
        const dayName = `day=${day}`;
        mkdirSync(join(folder, dayName), { recursive: true, mode: 0o700 });
        // Even if it was there: whoever made it may have been killed before it was safe.
        await syncFolder(folder);
        const file = `${dayName}/${name}.parquet`;
        await rename(join(scratch, from), join(folder, file));
        await syncFolder(join(folder, dayName));
        placed.push({ ...rest, file, day, bytes: size, resolutionMilliseconds });
      }
      return placed;
    },
    add,
    added(files) {
      for (const file of files) bytes += file.bytes;
    },
    exchange(before, after) {
      transact(sqlite, () => {
        add(after);
        for (const { file } of before) removeRow.run(file);
      });
      for (const file of after) bytes += file.bytes;
    },
    unlink,
    remove(files) {
      takeOff(files);
      unlink(files);
    },
    forget(files) {
      takeOff(files);
      for (const file of files) bytes -= file.bytes;
    },
    forgetLost() {
      const lost = list().filter(({ file }) => !existsSync(join(folder, file)));
      if (lost.length > 0) takeOff(lost);
      for (const file of lost) bytes -= file.bytes;
      return lost;
    },
  };
}

export function listParquetFiles(sqlite: DatabaseSync): ParquetFile[] {
  return sqlite
    .prepare("SELECT * FROM parquet ORDER BY day, last_time, file")
    .all()
    .map((row) => ({
      file: String(row["file"]),
      day: String(row["day"]),
      firstTime: Number(row["first_time"]),
      lastTime: Number(row["last_time"]),
      rows: Number(row["rows"]),
      bytes: Number(row["bytes"]),
      resolutionMilliseconds: Number(row["resolution"]),
      checksum: row["checksum"] === null ? null : Number(row["checksum"]),
    }));
}

/** Removes what a crash left: scratch folders, and files that never got on the list. */
function clean(folder: string, listed: ReadonlySet<string>, log: Log): void {
  rmSync(join(folder, scratchName), { recursive: true, force: true });
  for (const day of readdirSync(folder)) {
    if (day.startsWith(databaseName) || !dayFolder.test(day)) continue;
    for (const name of readdirSync(join(folder, day))) {
      const file = `${day}/${name}`;
      if (listed.has(file) || !name.endsWith(".parquet")) continue;
      log.info(`${file} was left unfinished by an earlier run and is removed`);
      rmSync(join(folder, file), { force: true });
    }
    removeIfEmpty(join(folder, day));
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Others are in it, or it is gone.
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
